"""The tables of judging against naive counts, and the baseline on sound whose timing is known."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from scripts.judging import alignment_rows, beat_lengths, centred, retrieval_rows, synctoolbox_alignment

RATE = 22050


def test_retrieval_each_way_against_counting() -> None:
    generator = np.random.default_rng(0)
    similarity = generator.normal(size=(60, 60)) + 1.5 * np.eye(60)
    pieces = np.repeat([f"piece {i}" for i in range(6)], 10)
    rows = {row.metric: row for row in retrieval_rows(similarity, pieces, ks=(1, 5), seed=1)}
    for name, matrix in (("audio -> sheet", similarity), ("sheet -> audio", similarity.T)):
        ranks = np.array([1 + sum(v >= row[i] for j, v in enumerate(row) if j != i) for i, row in enumerate(matrix)])
        for metric, expected, level in (
            ("R@1", (ranks <= 1).mean(), 1 / 60),
            ("R@5", (ranks <= 5).mean(), 5 / 60),
            ("MRR", (1 / ranks).mean(), (1 / np.arange(1, 61)).mean()),
        ):
            row = rows[f"{name} {metric}"]
            assert row.value == pytest.approx(expected) and row.chance == pytest.approx(level) and row.n == 60
            assert row.low is not None and row.high is not None and row.low <= row.value <= row.high
    assert len(rows) == 6


def test_intervals_are_over_pieces() -> None:
    similarity = np.eye(40)
    similarity[20:, :20] = 2.0  # the second piece is never found
    rows = {row.metric: row for row in retrieval_rows(similarity, ["a"] * 20 + ["b"] * 20, seed=0)}
    found = rows["audio -> sheet R@1"]
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)


@pytest.mark.parametrize("shape, pieces", [((3, 4), 3), ((3, 3), 2), ((9,), 9)])
def test_what_is_no_square_is_refused(shape: tuple[int, ...], pieces: int) -> None:
    with pytest.raises(InputError, match="square"):
        retrieval_rows(np.zeros(shape), ["x"] * pieces)


def test_alignment_counts_silence_as_wrong() -> None:
    truth = np.arange(6.0)
    estimated = np.array([0.1, 1.6, 2.0, np.nan, 4.49, 4.4])
    rows = alignment_rows(estimated, truth, np.full(6, 0.5), ["a", "a", "a", "b", "b", "b"])
    values = {row.metric: row.value for row in rows}
    assert values["within one beat"] == pytest.approx(3 / 6)
    assert values["median error (s)"] == pytest.approx((0.49 + 0.6) / 2)
    assert values["beats without an answer"] == pytest.approx(1 / 6)
    assert [row.value for row in alignment_rows(truth, truth, np.ones(6))] == [1.0, 0.0, 0.0]


def test_wrong_arrays_are_refused() -> None:
    with pytest.raises(InputError, match="one length"):
        alignment_rows([1.0], [1.0, 2.0], [1.0, 1.0])
    with pytest.raises(InputError, match="longer than 0"):
        alignment_rows([1.0], [1.0], [0.0])
    with pytest.raises(InputError, match="longer than 0"):
        alignment_rows([1.0], [np.nan], [1.0])


def test_beat_lengths_are_those_around() -> None:
    assert beat_lengths([0.0, 1.0, 3.0, 3.5]).tolist() == [1.0, 1.5, 1.25, 0.5]
    with pytest.raises(InputError):
        beat_lengths([1.0])


@pytest.mark.parametrize("centre", [-20.0, 0.0, 3.2, 10.0, 19.0, 40.0])
@pytest.mark.parametrize("width", [1, 6, 7, 50])
def test_cuts_are_filled_beyond_the_ends(centre: float, width: int) -> None:
    array = np.arange(40).reshape(2, 20)
    cut = centred(array, centre, width, fill=-1)
    start = round(centre - width / 2)
    for row in range(2):
        assert cut[row].tolist() == [array[row, c] if 0 <= c < 20 else -1 for c in range(start, start + width)]


def tones(onsets: np.ndarray, pitches: np.ndarray) -> np.ndarray:
    sound = np.zeros(int((onsets[-1] + 2) * RATE))
    clock = np.arange(int(0.9 * RATE)) / RATE
    for onset, pitch in zip(onsets, pitches, strict=True):
        hertz = 440 * 2 ** ((pitch - 69) / 12)
        start = int(onset * RATE)
        tone = sum(np.sin(2 * np.pi * hertz * h * clock) / h for h in (1, 2, 3)) * np.exp(-4 * clock)
        sound[start : start + len(clock)] += 0.2 * tone
    return sound


@pytest.mark.slow
def test_the_baseline_follows_a_tempo_change() -> None:
    pytest.importorskip("synctoolbox")
    generator = np.random.default_rng(5)
    pitches = generator.integers(48, 84, 40)
    written = np.arange(40) * 0.5
    heard = 1.0 + np.cumsum(np.where(np.arange(40) < 20, 0.5, 0.8)) - 0.5
    audio_seconds, score_seconds = synctoolbox_alignment(
        tones(heard, pitches), RATE, written, np.full(40, 0.5), pitches
    )
    assert (np.diff(audio_seconds) > 0).all() and (np.diff(score_seconds) > 0).all()
    error = np.abs(np.interp(written, score_seconds, audio_seconds) - heard)
    # the first note may be drawn into the second of silence before it
    assert np.median(error) < 0.12 and error[1:].max() < 0.4


def test_the_baseline_refuses_silence_and_empty_scores() -> None:
    pytest.importorskip("synctoolbox")
    with pytest.raises(InputError, match="silence"):
        synctoolbox_alignment(np.zeros(2 * RATE), RATE, [0.0], [1.0], [60])
    with pytest.raises(InputError, match="notes"):
        synctoolbox_alignment(np.ones(2 * RATE), RATE, [], [], [])
