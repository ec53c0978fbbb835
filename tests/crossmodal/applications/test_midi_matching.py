"""Matching MIDI files with recordings, from files to answers: found in other keys, at other tempi, in part; and when it abstains."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

import crossmodal
from crossmodal.applications import midi_matching
from crossmodal.applications.indexing import build_index
from crossmodal.applications.midi_calibration import calibrate_matching, hashing_rank, pruning_rank
from crossmodal.applications.midi_cuts import Cuts, save_cuts
from crossmodal.applications.midi_features import roll_frames
from crossmodal.applications.midi_matching import CALIBRATION, Matcher, answer, match
from crossmodal.applications.midi_query import Query, moved
from crossmodal.applications.track_frames import read_frames
from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import sha256_file
from crossmodal.base.frame_store import from_bytes, to_bytes
from crossmodal.base.results import Ranking
from crossmodal.calibration import save_calibration
from crossmodal.retrieval.header import read_header
from crossmodal.retrieval.index import Index
from crossmodal.space_files import load_space, save_space
from pairs.midi_reading import read_music
from tests.pairs.midi_bytes import midi, note, scale

from .tunes import KEYS, TuneShelf, onsets, save_untrained, tune


@pytest.fixture(scope="module")
def matcher(tune_shelf: TuneShelf) -> Matcher:
    return Matcher.of(tune_shelf.index)


def test_damaged_midi_finds_its_recording(matcher: Matcher, tune_shelf: TuneShelf) -> None:
    errors = []
    for number in range(6):
        query = tune_shelf.folder / f"queries/{number}.mid"
        found = answer(matcher, query)
        first, second = found.ranking.results[:2]
        assert first.id == f"{number}.wav" and not found.ranking.abstained
        assert first.similarity > 0.5 and second.similarity < first.similarity - 0.2
        assert first.confidence is not None and first.confidence > 0.9
        assert first.detail["transposition_semitones"] == -KEYS[number]
        assert found.best is not None
        right = tune_shelf.recorded[number].clock
        played = onsets(query)
        source = onsets(tune_shelf.folder / f"midi/{number}.mid")[-len(played) :]
        errors.append(np.abs(matcher.clock(found.query, found.best)(played) - right(source)))
        mean = (right(source)[-1] - right(source)[0]) / (played[-1] - played[0])
        begins = right(source)[0] - played[0] * mean
        assert first.detail["offset_seconds"] == pytest.approx(begins, abs=0.4)
    assert np.median(np.concatenate(errors)) < 0.02 and (np.concatenate(errors) < 0.05).mean() > 0.85


def test_the_other_way_round(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    index = tmp_path / "index"
    report = build_index(crossmodal.load(tune_shelf.space), [tune_shelf.folder / "queries"], index, quiet=True)
    assert report.added == 6 and report.bytes_per_track is not None and report.bytes_per_track > 1000
    assert {item.modality for item in Index.open(index).items} == {"midi"}
    matcher = Matcher.of(index)
    for number in (1, 4):
        found = match(matcher, tune_shelf.recorded[number].path, k=2)
        assert found.query.modality == "audio" and len(found.results) == 2
        assert found.results[0].id == f"{number}.mid" and not found.abstained
        assert found.results[0].detail["transposition_semitones"] == -KEYS[number]
    with pytest.raises(InputError, match=r"expected a recording, since .* holds MIDI files, got a MIDI file"):
        match(matcher, tune_shelf.folder / "queries/0.mid")


def test_what_has_no_counterpart(matcher: Matcher, tmp_path: Path) -> None:
    for seed in (50, 51, 52):
        (tmp_path / "other.mid").write_bytes(tune(seed))
        found = match(matcher, tmp_path / "other.mid")
        assert found.abstained and len(found.results) == 5


@pytest.mark.parametrize("content, reason", [
    (b"", "empty"),
    (bytes(400), "zeros only"),
    (tune(0)[:90], "corrupt"),
    (midi([scale(20, channel=9)]), "drums only"),
    (midi([note(60)]), "too few notes"),
    (midi([scale(10)]), "too short"),
])  # fmt: skip
def test_bad_midi_is_refused_with_a_reason(matcher: Matcher, tmp_path: Path, content: bytes, reason: str) -> None:
    (tmp_path / "bad.mid").write_bytes(content)
    with pytest.raises(InputError, match=reason):
        match(matcher, tmp_path / "bad.mid")


def test_other_mistakes(matcher: Matcher, tune_shelf: TuneShelf, index_folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "silence.wav", np.zeros(22050 * 8), 22050)
    with pytest.raises(InputError, match=r"expected a MIDI file, since .* holds recordings"):
        match(matcher, tmp_path / "silence.wav")
    with pytest.raises(InputError, match="silent"):
        read_frames(tmp_path / "silence.wav", "audio")
    with pytest.raises(InputError, match="found nothing"):
        match(matcher, tmp_path / "absent.mid")
    (tmp_path / "words.txt").write_text("words", encoding="utf-8")
    with pytest.raises(InputError, match=r'got "\.txt"'):
        match(matcher, tmp_path / "words.txt")
    with pytest.raises(InputError, match="made with midi-audio"):
        match(index_folder, tune_shelf.folder / "queries/0.mid")
    with pytest.raises(InputError, match="k: expected at least 1"):
        match(matcher, tune_shelf.folder / "queries/0.mid", k=0)


def test_the_python_way(tune_shelf: TuneShelf) -> None:
    found = crossmodal.match(crossmodal.open_index(tune_shelf.index), tune_shelf.folder / "queries/0.mid", k=1)
    assert isinstance(found, Ranking) and [result.id for result in found.results] == ["0.wav"]
    assert set(found.results[0].detail) == {"offset_seconds", "transposition_semitones"}


def test_filters_copies_and_removed_files(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    music, index, space = tmp_path / "music", tmp_path / "index", load_space(tune_shelf.space)
    shutil.copytree(tune_shelf.folder / "recordings", music)
    shutil.copy(music / "0.wav", music / "again.wav")
    assert build_index(space, [music], index, quiet=True).items == 7
    query = tune_shelf.folder / "queries/0.mid"
    first = match(index, query).results[0]
    assert first.id == "0.wav" and first.detail["copies"] == [str(music / "again.wav")]
    assert match(index, query, filters=["id=3.wav"]).results[0].id == "3.wav"
    empty = match(index, query, filters=["id=none"])
    assert empty.abstained and not empty.results
    for name in ("0.wav", "again.wav", "5.wav"):
        (music / name).unlink()
    (music / "1.wav").rename(music / "one.wav")
    report = build_index(space, [music], index, update=True, quiet=True)
    assert (report.removed, report.moved, report.items, report.added) == (3, 1, 4, 0)
    assert match(index, query).abstained
    assert match(index, tune_shelf.folder / "queries/1.mid").results[0].id == "one.wav"


def test_frames_that_an_interrupted_run_left_are_not_read_again(
    tune_shelf: TuneShelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index, space = tmp_path / "index", load_space(tune_shelf.space)
    for name in ("frames", "hashes"):
        shutil.copytree(tune_shelf.index / name, index / name)
    with pytest.raises(InputError, match="other files in it"):
        build_index(space, [tune_shelf.folder / "recordings"], index, quiet=True)
    shutil.copy(tune_shelf.index / "header.json", tmp_path / "finished.json")
    from crossmodal.retrieval.header import write_header

    begun = read_header(tune_shelf.index).model_copy(update={"generation": 0, "items": 0, "vectors": 0, "files": {}})
    write_header(index, begun)
    monkeypatch.setattr(
        "crossmodal.applications.track_indexing.frames_apart", lambda files, **_: iter([(f, 0) for f, _ in files])
    )
    assert build_index(space, [tune_shelf.folder / "recordings"], index, quiet=True).added == 6
    assert np.array_equal(Index.open(index).vectors, Index.open(tune_shelf.index).vectors)


def test_pruning_keeps_the_nearest_and_the_rest_is_told(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    spaces, index = tmp_path / "spaces", tmp_path / "index"
    for ending in ("", "-pruning"):  # under another name, so that the bundled ones are not theirs
        space = load_space(tune_shelf.space.with_name(f"midi-audio{ending}"))
        space.name = f"tunes{ending}"
        save_space(space, spaces / f"tunes{ending}")
    build_index(load_space(spaces / "tunes"), [tune_shelf.folder / "recordings"], index, quiet=True)
    matcher = Matcher.of(index)
    assert matcher.prunes and len(matcher.warnings) == 2  # no cuts, no calibration
    asked = [(tune_shelf.folder / f"queries/{number}.mid", f"{number}.wav") for number in range(6)]
    cuts, calibration = calibrate_matching(matcher, asked, data="six tunes", false_rejection=0.0)
    assert cuts.queries == 6 and cuts.pruning is not None and cuts.hashing is not None and calibration.examples == 36
    save_cuts(spaces / "tunes", cuts)
    save_calibration(spaces / "tunes", {"match": calibration})
    again = Matcher.of(index)
    assert (again.warnings, again.cuts, again.calibration) == ([], cuts, calibration)
    assert [answer(again, path).ranking.results[0].id for path, _ in asked] == [right for _, right in asked]
    with pytest.raises(InputError, match="the id of an item"):
        calibrate_matching(matcher, [(asked[0][0], "none.wav")], data="")
    shutil.rmtree(spaces / "tunes-pruning")
    without = Matcher.of(index)
    assert not without.prunes and any("no pruning space was found" in said for said in without.warnings)
    assert answer(without, asked[0][0]).ranking.results[0].id == "0.wav"
    with pytest.raises(IntegrityError):  # its vectors are of another kind now
        build_index(load_space(spaces / "tunes"), [tune_shelf.folder / "recordings"], index, update=True, quiet=True)


def test_the_rank_of_a_stage_is_what_a_cut_needs(tune_shelf: TuneShelf) -> None:
    matcher = Matcher.of(tune_shelf.index)
    matcher.cuts = Cuts()
    query = Query("midi", from_bytes(read_frames(tune_shelf.folder / "queries/3.mid", "midi").frames))
    row = [item.id for item in matcher.index.items].index("3.wav")
    allowed = matcher.answers_to("midi")
    hashing = hashing_rank(matcher, query, row, keys=[0])
    assert hashing is not None
    kept = matcher.by_hashes(query, allowed, keys=[0], top=hashing)
    assert kept[-1].row == row
    pruning = pruning_rank(matcher, query, row, keys=[0])
    pruned = matcher.by_hashes(query, allowed, keys=[0], top=6, after_pruning=pruning)
    assert len(pruned) == pruning and row in [hit.row for hit in pruned]


def test_a_space_of_piano_rolls_reads_midi_without_synthesis(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    space = crossmodal.load(save_untrained(tmp_path, rolls=True))
    build_index(space, [tune_shelf.folder / "midi"], tmp_path / "index", quiet=True)
    matcher = Matcher.of(tmp_path / "index")
    source = tune_shelf.folder / "midi/0.mid"
    roll = from_bytes(to_bytes(roll_frames(read_music(source).performance)))
    np.testing.assert_array_equal(matcher.read(source, "midi").frames, roll)
    stored = matcher.store.frames(sha256_file(source))
    np.testing.assert_array_equal(stored, roll)
    sounding = Matcher.of(tune_shelf.index).read(source, "midi").frames
    assert np.count_nonzero(roll) < 0.5 * np.count_nonzero(sounding)  # no overtones in a roll


def test_a_lone_candidate_is_measured_against_the_query_backwards(matcher: Matcher, tune_shelf: TuneShelf) -> None:
    query = Query("midi", from_bytes(read_frames(tune_shelf.folder / "queries/0.mid", "midi").frames))
    right, wrong = matcher.align(query, 0, 0), matcher.align(query, 3, 0)
    confidences = CALIBRATION.confidence(np.vstack([matcher.measure(query, [one]) for one in (right, wrong)]))
    assert confidences[0] > 0.9 and confidences[1] < 0.5


def test_moving_by_semitones() -> None:
    frames = np.eye(48, dtype=np.float32)
    for shift in midi_matching.KEYS:
        found = moved(frames, shift)
        np.testing.assert_array_equal(found, np.eye(48, k=shift))
        assert found.dtype == np.float32


def test_an_index_whose_hashes_were_lost(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    shutil.copytree(tune_shelf.index, tmp_path / "index")
    shutil.rmtree(tmp_path / "index/hashes")
    with pytest.raises(IntegrityError, match="index again"):
        Matcher.of(tmp_path / "index")


def test_cuts_hold_the_rule(tune_shelf: TuneShelf) -> None:
    assert Cuts().rule.penalty == 4 and Cuts().after_pruning(1000) == 1000 and Cuts().after_hashing(1000) == 40
