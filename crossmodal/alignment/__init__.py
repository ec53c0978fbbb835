"""Alignment of sequences: dynamic time warping (subsequence, multi-resolution, with jumps) and its online form."""
