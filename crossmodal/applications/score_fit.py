"""How sure one may be that a recording is of a score at all, from how well its best path fits.

The statistic is the mean similarity along the path less that of the best path through the same score backwards, which keeps
its notes and textures and loses their order: near 0 for another piece, well above for the right one. Below the calibration's
threshold we abstain.
"""

from __future__ import annotations

import math

from crossmodal.alignment.jumps import JumpPath
from crossmodal.calibration import Calibration

SIMILARITY_MIDDLE = 0.35  # of a follower, which has no path backwards: mean similarity of its last rows
SIMILARITY_STEEPNESS = 15.0
# Where a space has no calibration of its own: an advantage of 0.08 over the score read backwards is as likely right as wrong.
ALIGN = Calibration(features=("advantage", "similarity"), weights=(60.0, 0.0), bias=-4.8)


def path_features(path: JumpPath) -> tuple[float, float]:
    """How much better the path fits than the score read backwards, and its mean similarity: what `ALIGN` weighs."""
    return path.similarity - path.null, path.similarity


def path_confidence(path: JumpPath, calibration: Calibration = ALIGN) -> float:
    """Confidence in [0, 1] that the recording is of the score; 0 where no row counts."""
    return float(calibration.confidence([path_features(path)])[0])


def follow_confidence(confidence: float, similarity: float) -> float:
    """Confidence in [0, 1] that a follower is where it says: that of the place, times that it is of the piece at all."""
    if not math.isfinite(similarity):
        return 0.0
    return confidence * logistic(SIMILARITY_STEEPNESS * (similarity - SIMILARITY_MIDDLE))


def logistic(value: float) -> float:
    """1 / (1 + exp(-value)), for values of any size."""
    return 1 / (1 + math.exp(-value)) if value >= 0 else math.exp(value) / (1 + math.exp(value))
