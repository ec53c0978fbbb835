"""Following: vectors as they come, what is said while nothing is played, and places that move on with the music."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from crossmodal.alignment.online import FollowOptions
from crossmodal.applications.live_sound import file_blocks
from crossmodal.applications.score_following import ScoreFollower, VectorStream
from crossmodal.applications.scores import Score, ScoreVectors, read_score
from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.results import FollowRow
from crossmodal.space import Space

from .playing import HOP, invented_vectors, music_xml
from .shelf import RATE, tones


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> Score:
    """Twenty measures."""
    return read_score(music_xml(tmp_path_factory.mktemp("score") / "score.musicxml", 20, {}))


@pytest.fixture(scope="module")
def music() -> np.ndarray:
    """Twenty seconds."""
    return tones(20.0, seed=5)


@pytest.fixture(scope="module")
def sounding(sheet_space: Space, score: Score, music: np.ndarray) -> ScoreVectors:
    """Vectors of the score that are those of the music, a row of it for a row of the score: a space that knows both."""
    vectors = invented_vectors(score)
    own = sheet_space.sequence("audio", music).vectors.numpy()
    count = min(len(own), len(vectors.vectors))
    joined = vectors.vectors.copy()
    return ScoreVectors(
        np.concatenate([own[:count], np.resize(own[0], (len(joined) - count, 64))]),
        vectors.columns,
        vectors.starts,
        HOP,
    )


def pieces(samples: np.ndarray, size: int) -> Iterator[np.ndarray]:
    for start in range(0, len(samples), size):
        yield samples[start : start + size]


def fed(follower: ScoreFollower, samples: np.ndarray, size: int = 2205) -> list[FollowRow]:
    return [row for piece in pieces(samples, size) for row in follower.feed(piece)]


def test_with_enough_lag_the_vectors_are_those_of_the_whole_recording(sheet_space: Space, music: np.ndarray) -> None:
    whole = sheet_space.sequence("audio", music[: 8 * RATE])
    made = VectorStream(sheet_space, lag=40).feed(music[: 8 * RATE])
    assert len(made) > 60
    for newest in made[45:]:  # before that the lag is longer than what was heard
        row = int(np.abs(whole.positions.numpy() - newest.seconds).argmin())
        assert abs(float(whole.positions[row]) - newest.seconds) < 1e-3
        assert np.allclose(newest.vectors[0], whole.vectors[row - 40].numpy(), atol=1e-4)
        assert 0 < newest.now - newest.seconds < 0.1


def test_the_newest_vectors_come_oldest_first_whatever_the_lag(sheet_space: Space, music: np.ndarray) -> None:
    short, long = (VectorStream(sheet_space, lag=lag).feed(music[: 3 * RATE]) for lag in (6, 12))
    assert [len(newest.vectors) for newest in short[:8]] == [1, 2, 3, 4, 5, 6, 7, 7]
    for few, more in zip(short, long, strict=True):
        assert few.seconds == more.seconds
        assert np.allclose(few.vectors, more.vectors[-7:], atol=1e-5)


@pytest.mark.parametrize("size", [500, 2205, 22050, 1_000_000])
def test_how_the_sound_is_cut_does_not_matter(sheet_space: Space, music: np.ndarray, size: int) -> None:
    once = VectorStream(sheet_space).feed(music[: 4 * RATE])
    stream = VectorStream(sheet_space)
    cut = [newest for piece in pieces(music[: 4 * RATE], size) for newest in stream.feed(piece)]
    assert [n.now for n in cut] == [n.now for n in once]
    assert all(np.allclose(a.vectors, b.vectors, atol=1e-5) for a, b in zip(cut, once, strict=True))


def test_a_vector_knows_nothing_of_what_comes_after(sheet_space: Space, music: np.ndarray) -> None:
    changed = np.concatenate([music[: 3 * RATE], tones(1.0, seed=99)])
    first, second = (VectorStream(sheet_space).feed(x) for x in (music[: 4 * RATE], changed))
    before = [n.now <= 3.0 for n in first]
    assert sum(before) > 25
    for a, b, same in zip(first, second, before, strict=True):
        assert not same or np.array_equal(a.vectors, b.vectors)


def test_a_place_moves_on_with_the_music(
    sheet_space: Space, score: Score, sounding: ScoreVectors, music: np.ndarray
) -> None:
    # vectors of untrained networks differ little from each other
    options = FollowOptions(sharpness=300.0)
    follower = ScoreFollower(sheet_space, score, vectors=sounding, lag=20, options=options)
    rows = fed(follower, music[: 7 * RATE])
    seconds = np.array([row.audio_seconds for row in rows])
    expected = seconds / 0.09995
    columns = [score.column(row.page - 1, row.system - 1, row.x) for row in rows]
    found = np.interp(columns, sounding.columns, np.arange(len(sounding.columns)))
    late = seconds > 4
    assert np.median(np.abs(found - expected)[late]) < 6
    assert all(row.latency_seconds > 0.05 for row in rows)
    assert np.allclose(np.diff(seconds), 0.09995, atol=2e-3)


def test_nothing_is_said_before_the_music(
    sheet_space: Space, score: Score, sounding: ScoreVectors, music: np.ndarray
) -> None:
    follower = ScoreFollower(sheet_space, score, vectors=sounding)
    noise = np.random.default_rng(0).standard_normal(3 * RATE).astype(np.float32) * 1e-4
    assert fed(follower, noise) == [] and follower.state == "waiting"
    rows = fed(follower, music[: 2 * RATE])
    assert follower.state == "following" and 2.9 < rows[0].audio_seconds < 3.4


def test_a_place_stands_still_in_silence_and_goes_on_after_it(
    sheet_space: Space, score: Score, sounding: ScoreVectors, music: np.ndarray
) -> None:
    follower = ScoreFollower(sheet_space, score, vectors=sounding)
    fed(follower, music[: 3 * RATE])
    fed(follower, np.zeros(RATE, np.float32))
    assert follower.state == "paused"
    still = fed(follower, np.zeros(RATE, np.float32))
    assert len({(row.system, row.x) for row in still}) == 1
    fed(follower, music[3 * RATE : 4 * RATE])
    assert follower.state == "following"


def test_rows_have_the_form_of_the_interface(sheet_space: Space, score: Score, music: np.ndarray) -> None:
    row = fed(ScoreFollower(sheet_space, score), music[: 2 * RATE])[-1]
    assert list(FollowRow.model_fields) == [
        "audio_seconds", "page", "system", "x", "y", "measure", "beat", "confidence", "latency_seconds",
    ]  # fmt: skip
    assert 0 <= row.confidence <= 1 and row.latency_seconds > 0.05 and row.measure is not None


def test_samples_that_are_none_are_refused(sheet_space: Space, score: Score) -> None:
    follower = ScoreFollower(sheet_space, score)
    for samples in (np.zeros((2, 10), np.float32), np.array([np.nan], np.float32)):
        with pytest.raises(InputError, match="expected finite mono samples"):
            follower.feed(samples)
    assert follower.feed(np.zeros(0, np.float32)) == []


def test_a_file_comes_in_blocks(tune: Path) -> None:
    blocks = list(file_blocks(tune, rate=RATE))
    assert {len(block) for block in blocks[:-1]} == {2205}
    assert np.allclose(np.concatenate(blocks), decode(tune, sample_rate=RATE))
