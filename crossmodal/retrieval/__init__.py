"""Indexes of vectors on disk: written crash-safe, searched exactly or through FAISS, bound to one space."""
