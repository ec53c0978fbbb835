"""What judging recordings against scores shares: tables of retrieval and of alignment, cuts of sound and page, and the baseline that is
given the symbolic score (synctoolbox, a development package).
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from crossmodal.base.errors import InputError
from crossmodal.base.results import ScoreRow
from crossmodal.metrics import chance
from crossmodal.metrics.bootstrap import Interval, bootstrap_interval
from crossmodal.metrics.retrieval import best_rank, recall_at_k, reciprocal_rank

Floats = NDArray[np.float64]
KS = (1, 5, 25)
SAMPLES = 1000
_RATE = 50  # frames a second of synctoolbox's features, as its documentation has them


def retrieval_rows(
    similarity: ArrayLike, pieces: Sequence[str] | NDArray, *, queries: str = "audio", targets: str = "sheet",
    ks: Sequence[int] = KS, seed: int = 0, samples: int = SAMPLES,
) -> list[ScoreRow]:  # fmt: skip
    """similarity (n, n), row i and column i a pair, and the piece of each pair (n,) -> R@k and MRR each way, with chance and an interval
    by bootstrap over pieces (all candidates stay; the queries are drawn by piece).
    """
    scores = np.asarray(similarity)
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(pieces) != len(scores):
        raise InputError(f"expected a square matrix and a piece for each row, got {scores.shape} and {len(pieces)}")
    right = np.eye(len(scores), dtype=bool)
    rows: list[ScoreRow] = []
    for name, matrix in ((f"{queries} -> {targets}", scores), (f"{targets} -> {queries}", scores.T)):
        ranks = best_rank(matrix, right)
        values = {f"R@{k}": (recall_at_k(ranks, k), chance.recall_at_k(right, k)) for k in ks}
        values["MRR"] = (reciprocal_rank(ranks), chance.mrr(right))
        for metric, (each, level) in values.items():
            found = bootstrap_interval(each, np.asarray(pieces), seed=seed, samples=samples)
            rows.append(_row(f"{name} {metric}", found, level))
    return rows


def alignment_rows(
    estimated: ArrayLike, truth: ArrayLike, beat_lengths: ArrayLike, pieces: Sequence[str] | NDArray | None = None, *,
    seed: int = 0, samples: int = SAMPLES,
) -> list[ScoreRow]:  # fmt: skip
    """Seconds (n,) at which each score beat is said to sound, NaN where nothing is said; seconds (n,) at which it does; lengths (n,) of
    the performed beats in seconds -> share within one beat, median error in seconds (silence counts as wrong in both), share not said.

    pieces (n,): what the bootstrap draws; without, the beats themselves, which understates the interval.
    """
    said, right, lengths = (np.asarray(v, np.float64) for v in (estimated, truth, beat_lengths))
    if not said.shape == right.shape == lengths.shape or said.ndim != 1:
        raise InputError(
            f"expected three arrays of one length, got {said.shape}, {right.shape} and {lengths.shape}; cut them alike"
        )
    if not (lengths > 0).all() or not np.isfinite(right).all():
        raise InputError("expected beats longer than 0 s at known seconds, got others; leave those beats out")
    groups = None if pieces is None else np.asarray(pieces)
    error = np.where(np.isnan(said), np.inf, np.abs(said - right))
    within = bootstrap_interval((error <= lengths).astype(np.float64), groups, seed=seed, samples=samples)
    # a number for silence that any true error stays below, so that medians can be formed
    finite = np.where(np.isinf(error), 1e6, error)
    middle = bootstrap_interval(finite, groups, seed=seed, samples=samples, statistic="median")
    silent = bootstrap_interval(np.isnan(said).astype(np.float64), groups, seed=seed, samples=samples)
    return [
        _row("within one beat", within), _row("median error (s)", middle), _row("beats without an answer", silent)
    ]  # fmt: skip


def _row(metric: str, found: Interval, level: float | None = None) -> ScoreRow:
    return ScoreRow(metric=metric, value=found.value, low=found.low, high=found.high, chance=level, n=found.n)


def beat_lengths(seconds: ArrayLike) -> Floats:
    """Performed beats (k,) -> length of each (k,): the mean of the intervals before and after it, at the ends the only one."""
    beats = np.asarray(seconds, np.float64)
    if beats.ndim != 1 or len(beats) < 2:
        raise InputError(f"expected two or more beats, got shape {beats.shape}; give all beats of a performance")
    gaps = np.diff(beats)
    return np.concatenate([gaps[:1], (gaps[:-1] + gaps[1:]) / 2, gaps[-1:]])


def centred(array: NDArray, centre: float, width: int, *, fill: float) -> NDArray:
    """`width` entries along the last axis around entry `centre`; what lies outside the array is `fill`."""
    if width < 1:
        raise InputError(f"expected a width of 1 or more, got {width}; give another")
    start = round(centre - width / 2)
    cut = np.full((*array.shape[:-1], width), fill, dtype=array.dtype)
    low, high = max(start, 0), min(start + width, array.shape[-1])
    if low < high:
        cut[..., low - start : high - start] = array[..., low:high]
    return cut


def synctoolbox_alignment(
    audio: Floats, rate: int, onset: ArrayLike, duration: ArrayLike, pitch: ArrayLike, velocity: ArrayLike | None = None
) -> tuple[Floats, Floats]:
    """Audio (n,) mono and the score's notes (k,): onset and duration in seconds of any tempo, MIDI pitch, velocity 1 to 127 (90 where not
    given) -> path (audio seconds (m,), score seconds (m,)), both rising.

    Mueller, Ozer, Krause, Praetzlich & Driedger, "Sync Toolbox", JOSS 2021: quantized chroma and decaying locally adaptive normalized
    onset features (DLNCO) at 50 Hz, aligned by memory-restricted multiscale dynamic time warping; tuning and chroma shift estimated.
    """
    from synctoolbox.dtw.mrmsdtw import sync_via_mrmsdtw
    from synctoolbox.dtw.utils import compute_optimal_chroma_shift, make_path_strictly_monotonic, shift_chroma_vectors
    from synctoolbox.feature.chroma import quantized_chroma_to_CENS
    from synctoolbox.feature.utils import estimate_tuning

    table = _note_table(onset, duration, pitch, velocity)
    if len(audio) < rate or not np.abs(audio).max() > 0:
        raise InputError("expected at least a second of sound, got less or silence; give another recording")
    tuning = estimate_tuning(audio, rate)
    heard, heard_onsets = _audio_features(audio, rate, int(tuning))
    written, written_onsets = _score_features(table)
    coarse = [quantized_chroma_to_CENS(chroma, 201, 50, _RATE)[0] for chroma in (heard, written)]
    shift = compute_optimal_chroma_shift(*coarse)
    path = sync_via_mrmsdtw(
        f_chroma1=heard, f_onset1=heard_onsets, f_chroma2=shift_chroma_vectors(written, shift),
        f_onset2=shift_chroma_vectors(written_onsets, shift), input_feature_rate=_RATE,
        step_weights=np.array([1.5, 1.5, 2.0]), threshold_rec=10**6, verbose=False,
    )  # fmt: skip
    rising = make_path_strictly_monotonic(path)
    return np.asarray(rising[0] / _RATE, np.float64), np.asarray(rising[1] / _RATE, np.float64)


def _note_table(onset: ArrayLike, duration: ArrayLike, pitch: ArrayLike, velocity: ArrayLike | None) -> object:
    import pandas  # type: ignore[import-untyped]

    start, length, tone = (np.asarray(v, np.float64) for v in (onset, duration, pitch))
    force = np.full(start.shape, 90.0) if velocity is None else np.asarray(velocity, np.float64)
    if not start.shape == length.shape == tone.shape == force.shape or start.ndim != 1 or not len(start):
        raise InputError(f"expected notes as arrays of one length, got {start.shape} onsets; give a score with notes")
    # the toolbox refuses what no piano has
    start, length, tone, force = (v[(tone >= 21) & (tone <= 108)] for v in (start, length, tone, force))
    columns = {"start": start, "duration": length, "pitch": tone.astype(np.int64), "velocity": force / 127}
    return pandas.DataFrame(columns | {"instrument": "piano"}).sort_values("start", ignore_index=True)


def _audio_features(audio: Floats, rate: int, tuning: int) -> tuple[Floats, Floats]:
    from synctoolbox.feature.chroma import pitch_to_chroma, quantize_chroma
    from synctoolbox.feature.dlnco import pitch_onset_features_to_DLNCO
    from synctoolbox.feature.pitch import audio_to_pitch_features
    from synctoolbox.feature.pitch_onset import audio_to_pitch_onset_features

    energy = audio_to_pitch_features(audio, Fs=rate, tuning_offset=tuning, feature_rate=_RATE, verbose=False)
    chroma = quantize_chroma(f_chroma=pitch_to_chroma(f_pitch=energy))
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a dot for each pitch even when it is not to
        peaks = audio_to_pitch_onset_features(f_audio=audio, Fs=rate, tuning_offset=tuning, verbose=False)
    onsets = pitch_onset_features_to_DLNCO(
        f_peaks=peaks, feature_rate=_RATE, feature_sequence_length=chroma.shape[1], visualize=False
    )
    return chroma, onsets


def _score_features(table: object) -> tuple[Floats, Floats]:
    from synctoolbox.feature.chroma import pitch_to_chroma, quantize_chroma
    from synctoolbox.feature.csv_tools import df_to_pitch_features, df_to_pitch_onset_features
    from synctoolbox.feature.dlnco import pitch_onset_features_to_DLNCO

    chroma = quantize_chroma(f_chroma=pitch_to_chroma(f_pitch=df_to_pitch_features(table, feature_rate=_RATE)))
    onsets = pitch_onset_features_to_DLNCO(
        f_peaks=df_to_pitch_onset_features(table), feature_rate=_RATE, feature_sequence_length=chroma.shape[1],
        visualize=False,
    )  # fmt: skip
    return chroma, onsets
