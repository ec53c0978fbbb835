"""Aligning: places of moments and moments of places, what is around the music, other pieces, and files of the wrong kind."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

import crossmodal
from crossmodal.applications.score_alignment import Alignment, align_recording, align_vectors
from crossmodal.applications.score_fit import follow_confidence, logistic
from crossmodal.applications.score_listening import Listened, audible, levels, listen
from crossmodal.applications.scores import Score, ScoreVectors, read_score
from crossmodal.base.errors import InputError
from crossmodal.base.results import AlignmentResult, AlignRow
from crossmodal.space import Space
from tests.crossmodal.alignment.sequences import smooth

from .playing import BACKWARD, FORWARD, heard, invented_vectors, music_xml, played_columns_of
from .shelf import RATE, write_tones

ORDER = [*range(12), *range(4, 12), *range(12, 20)]


@pytest.fixture(scope="module")
def score(tmp_path_factory: pytest.TempPathFactory) -> Score:
    """Twenty measures, of which 5 to 12 are to be repeated."""
    path = tmp_path_factory.mktemp("score") / "score.musicxml"
    return read_score(music_xml(path, 20, {5: (FORWARD, ""), 12: ("", BACKWARD)}))


@pytest.fixture(scope="module")
def vectors(score: Score) -> ScoreVectors:
    """Its vectors in an invented space."""
    return invented_vectors(score)


def aligned(sound: Listened, score: Score, vectors: ScoreVectors) -> Alignment:
    return align_vectors(sound, score, vectors, recording="played.wav", space="invented@1")


@pytest.fixture(scope="module")
def whole(score: Score, vectors: ScoreVectors) -> Alignment:
    """The whole piece with its repeat."""
    return aligned(heard(vectors, played_columns_of(score, ORDER)), score, vectors)


def joined(first: Listened, second: Listened) -> Listened:
    """One recording behind the other."""
    seconds = np.concatenate([first.seconds, first.duration + 0.1 + second.seconds])
    return Listened(
        np.concatenate([first.vectors, second.vectors]), seconds, np.concatenate([first.weights, second.weights]), 0.1, float(seconds[-1])
    )  # fmt: skip


def strange(count: int, *, seed: int) -> Listened:
    """Sound that is of no score."""
    return Listened(
        smooth(count, seed=seed), 0.1 * np.arange(count), np.ones(count, np.float32), 0.1, 0.1 * (count - 1)
    )


def test_rows_tell_measure_and_beat(whole: Alignment) -> None:
    for played, measure in enumerate(ORDER[1:-1], 1):
        row = min(whole.rows, key=lambda r: abs(r.audio_seconds - (2.0 * played + 1.0)))
        assert row.measure == str(measure + 1) and row.beat is not None and abs(row.beat - 3) < 0.7
    assert all(
        later.audio_seconds > sooner.audio_seconds for sooner, later in zip(whole.rows, whole.rows[1:], strict=False)
    )


def test_places_never_fall_between_jumps(whole: Alignment) -> None:
    falls = np.diff(whole.columns) < 0
    assert np.array_equal(np.flatnonzero(falls), np.flatnonzero(np.diff(whole.segments) > 0))


def test_place_at_and_seconds_at_are_each_other_turned_round(whole: Alignment) -> None:
    for seconds in (5.0, 12.0, 27.0, 50.0):
        place = whole.place_at(seconds)
        times = whole.seconds_at(place.page, place.system, place.x)
        assert min(abs(t - seconds) for t in times) < 0.25
        assert len(times) == (2 if place.measure is not None and 5 <= int(place.measure) <= 12 else 1)
    assert whole.place_at(-5.0).measure == "1" and whole.place_at(1e6).measure == "20"


def test_places_that_the_score_does_not_have_are_refused(whole: Alignment) -> None:
    with pytest.raises(InputError, match="got page 9, system 1"):
        whole.seconds_at(9, 1, 100.0)


def test_an_excerpt_begins_and_ends_in_the_middle(score: Score, vectors: ScoreVectors) -> None:
    made = aligned(heard(vectors, played_columns_of(score, range(8, 16))), score, vectors)
    assert not made.result.abstained and {r.measure for r in made.rows} >= {str(n) for n in range(10, 16)}
    assert made.rows[0].measure in {"9", "10"} and made.rows[-1].measure in {"16", "15"}
    assert made.seconds_at(1, 1, made.score.place(20.0).x) == []


def test_applause_before_and_after_has_no_rows(score: Score, vectors: ScoreVectors) -> None:
    music = heard(vectors, played_columns_of(score, ORDER))
    sound = joined(joined(strange(100, seed=7), music), strange(60, seed=8))
    made = aligned(sound, score, vectors)
    assert 9.0 < made.rows[0].audio_seconds < 11.5
    assert music.duration + 8.5 < made.rows[-1].audio_seconds < music.duration + 12.0
    assert not made.result.abstained


def test_silence_within_the_music_holds_the_place(score: Score, vectors: ScoreVectors) -> None:
    first, second = (heard(vectors, played_columns_of(score, o)) for o in (range(6), range(6, 12)))
    silence = replace(strange(30, seed=9), weights=np.zeros(30, np.float32))
    made = aligned(joined(joined(first, silence), second), score, vectors)
    assert (
        made.place_at(10.0).measure == "6"
        and made.place_at(13.5).measure in {"6", "7"}
        and made.place_at(18.0).measure == "8"
    )


@pytest.mark.parametrize("seed", range(4))
def test_another_piece_is_told(score: Score, vectors: ScoreVectors, seed: int) -> None:
    made = aligned(strange(400, seed=20 + seed), score, vectors)
    assert made.result.abstained and made.confidence < 0.5


def test_where_nothing_fits_there_are_no_rows(score: Score, vectors: ScoreVectors) -> None:
    sound = replace(strange(300, seed=3), vectors=-np.repeat(vectors.vectors.mean(axis=0, keepdims=True), 300, axis=0))
    made = aligned(sound, score, vectors)
    assert made.rows == [] and made.result.abstained and made.confidence == 0
    with pytest.raises(InputError, match="nothing of it fits"):
        made.place_at(1.0)


def test_csv_holds_the_rows(whole: Alignment, tmp_path: Path) -> None:
    whole.to_csv(tmp_path / "a.csv")
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == ["audio_seconds", "page", "system", "x", "y", "measure", "beat"]
    assert [AlignRow.model_validate(row) for row in rows] == whole.rows


def test_the_result_is_json_that_reads_back(whole: Alignment) -> None:
    text = whole.result.model_dump_json()
    assert AlignmentResult.model_validate_json(text) == whole.result
    assert list(AlignmentResult.model_fields) == [
        "recording",
        "score",
        "space",
        "confidence",
        "threshold",
        "abstained",
        "repeats",
        "rows",
    ]


def test_levels_and_what_is_audible() -> None:
    samples = np.concatenate([np.zeros(RATE), 0.1 * np.ones(RATE), 1e-5 * np.ones(RATE)]).astype(np.float32)
    found = levels(samples, RATE, np.array([0.5, 1.5, 2.5]))
    assert np.allclose(found, [-200, -20, -100], atol=0.1)
    assert audible(found).tolist() == [False, True, False] and audible(np.zeros(0)).tolist() == []


def test_confidences_stay_within_their_range() -> None:
    assert logistic(1e4) == 1 and logistic(-1e4) == 0 and logistic(0) == 0.5
    assert follow_confidence(1.0, float("nan")) == 0
    assert follow_confidence(0.9, 0.9) > follow_confidence(0.9, 0.1)


def test_a_file_is_heard(sheet_space: Space, tune: Path) -> None:
    sound = listen(sheet_space, tune)
    assert sound.vectors.shape == (len(sound.seconds), 64) and np.allclose(
        np.linalg.norm(sound.vectors, axis=1), 1, atol=1e-4
    )
    assert abs(sound.duration - 12) < 0.01 and np.allclose(np.diff(sound.seconds), sound.hop, atol=1e-4)


def test_align_takes_a_space_or_its_name(sheet_space: Space, tune: Path, score: Score) -> None:
    first = crossmodal.align(tune, score.path, sheet_space)
    second = crossmodal.align(tune, score.path, sheet_space.location)
    assert first.result == second.result and first.result.space == sheet_space.reference


def test_recordings_that_cannot_be_aligned(sheet_space: Space, score: Score, tmp_path: Path) -> None:
    short, quiet, odd = tmp_path / "short.wav", tmp_path / "quiet.wav", tmp_path / "odd.txt"
    write_tones(short, 1.0)
    write_tones(quiet, 5.0, level=1e-5)
    odd.write_text("no sound", encoding="utf-8")
    for recording, said in ((short, "expected at least 2 s"), (quiet, "got silence"), (odd, "not audio"),
                            (score.path, "did you swap them"), (tmp_path / "none.wav", "found nothing")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            align_recording(sheet_space, recording, score)
    soundfile.write(tmp_path / "zero.wav", np.zeros(RATE * 4, np.float32), RATE)
    with pytest.raises(InputError, match="silent"):
        align_recording(sheet_space, tmp_path / "zero.wav", score)


def test_scores_that_cannot_be_aligned(sheet_space: Space, tune: Path, tmp_path: Path) -> None:
    drums = music_xml(tmp_path / "drums.musicxml", 2, {})
    text = drums.read_text(encoding="utf-8").replace("<sign>G</sign><line>2</line>", "<sign>percussion</sign>")
    text = text.replace("<pitch><step>", "<unpitched><display-step>").replace(
        "</step><octave>", "</display-step><display-octave>"
    )
    drums.write_text(text.replace("</octave></pitch>", "</display-octave></unpitched>"), encoding="utf-8")
    (tmp_path / "score.mid").write_bytes(b"MThd")
    for path, said in ((drums, "percussion"), (tune, "did you swap them"), (tmp_path / "score.mid", 'got ".mid"'),
                       (tmp_path / "none.pdf", "nothing there")):  # fmt: skip
        with pytest.raises(InputError, match=said):
            align_recording(sheet_space, tune, path)
