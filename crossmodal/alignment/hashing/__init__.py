"""Sequences of binary hashes: Hamming matrices, subsequence time warping on them, and exact ranked search with pruning.

`rule` defines the score; `lanes` and `warping` compute it; `bounds` proves what may be skipped; `search` ranks a `collection`.
The modules load numba, so import them where they are used.
"""
