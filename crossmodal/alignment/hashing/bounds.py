"""Lower bounds of the score of `rule`, proven, so that what they exclude cannot be among the best.

Let rows 0..m-1 be those of the shorter sequence, p the penalty, r(i) at most the least Hamming distance of row i to any column, and
q(i) = min(r(i), min r + p).

Lemma. The score is at least the least mean of q over a window of g + 1 or more successive rows.

Proof. Let a path have K cells, E of its steps be (0, 1), and I = [a, c] be its rows; every row of I is met, so K = |I| + E. The first
cell in row i costs r(i) or more; each other cell follows a step (0, 1) and costs p + min r or more. With t = p + min r, so q <= t:

  cost >= sum of q over I, + E t.

A path that ends in the last column has c >= g, and one that ends in the last row has c = m - 1 >= g. If a = 0, |I| >= g + 1. If a > 0 the
path begins in column 0 and ends in column g or later, so K >= g + 1.

If |I| >= g + 1: cost / K is a mean of E numbers t, each no less than any q, and of the q of the window I: at least the mean of that
window.

If |I| <= g: take c' = c, a' = c - g >= 0, which adds g + 1 - |I| <= E rows to I, whose q are t at most. Those rows replace as many of the
t above: cost >= sum of q over [a', c] + (E - (g + 1 - |I|)) t, with K = (g + 1) + (E - (g + 1 - |I|)), and the first case applies. QED.

r(i) may be any number that is at most the least distance: `minima` has a cheap one and the exact one.
"""

from __future__ import annotations

import numba
import numpy as np

FRACTION = 16  # bits behind the point of a bound


@numba.njit(cache=True, nogil=True)
def first_end(m, n, gully):  # type: ignore[no-untyped-def]
    """g of the rule: the first row or column in which a path may end."""
    shorter = min(m, n)
    return min(int(gully * shorter), shorter - 1)


@numba.njit(cache=True, nogil=True)
def least_mean(minima, g, penalty, sums):  # type: ignore[no-untyped-def]
    """The lemma's bound, times 2^FRACTION, rounded down. `sums` (m + 1 or more,) int32 is scratch memory."""
    m = minima.shape[0]
    most = minima.min() + penalty
    sums[0] = 0
    for i in range(m):
        sums[i + 1] = sums[i] + min(minima[i], most)
    best = np.int64(most) << FRACTION
    for size in range(g + 1, m + 1):
        least = sums[size]
        for a in range(m - size + 1):
            least = min(least, sums[a + size] - sums[a])
        best = min(best, (np.int64(least) << FRACTION) // size)
    return best


@numba.njit(cache=True, nogil=True)
def windows_exceed(minima, g, penalty, cost, length):  # type: ignore[no-untyped-def]
    """Whether the lemma puts the score above cost / length: whether all windows' sums of q * length - cost are positive."""
    most = minima.min() + penalty
    total = highest = np.int64(0)  # sum of all rows so far; the greatest one a window may begin at
    start = np.int64(0)
    for c in range(minima.shape[0]):
        total += min(minima[c], most) * length - cost
        if c < g:
            continue
        if c > g:
            start += min(minima[c - g - 1], most) * length - cost
            highest = max(highest, start)
        if total - highest <= 0:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def completions_exceed(border, best, shift, done, g, penalty, minima, cost, length):  # type: ignore[no-untyped-def]
    """Whether every way to finish has a score above cost / length, when `done` rows are worked through.

    border (n,): keys of the last of these rows; best: the least key among the ends so far, or all ones; both have `shift`. Below, w(i) is
    what row i adds to cost(path) * length - K * cost, q(i) * length - cost or more, and `extra` the same for t. Claimed only if extra >
    0; so w <= extra. Ends so far are known. A path that goes on from column j of the border has the key of that cell, then all rows from
    `done` to its last one, c >= g, and it has to come to column g or later. Where g - j is more than the rows that are left, it needs as
    many steps (0, 1) as are wanting; with a smaller c it needs more, and each adds extra >= w, so that c = m - 1 is the least. Else at
    least the cheapest c counts; and of its rows, g + 1 - done or more, all but n - 1 - j are entered by steps (1, 0), with a penalty. A
    path that begins below, in column 0, is one from column -1 that has no key.
    """
    m, n = minima.shape[0], border.shape[0]
    most = minima.min() + penalty
    extra = most * length - cost
    left = m - done
    if extra <= 0 or left > g:
        return False
    mask = (border.dtype.type(1) << shift) - border.dtype.type(1)
    if np.int64(best >> shift) * length <= np.int64(best & mask) * cost and best != ~border.dtype.type(0):
        return False
    total = np.int64(0)
    least = np.int64(1) << 62
    for c in range(done, m):
        total += min(minima[c], most) * length - cost
        if c >= g:
            least = min(least, total)
    below = total + (g + 1 - left) * extra
    for j in range(n):
        key = np.int64(border[j] >> shift) * length - np.int64(border[j] & mask) * cost
        wanting = g - j - left
        rest = least + max(0, g + 1 - done - (n - 1 - j)) * penalty * length
        if wanting >= 0:
            rest = total + wanting * extra
        below = min(below, key + rest)
    return below > 0
