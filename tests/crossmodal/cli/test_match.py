"""`crossmodal index midi-audio` and `crossmodal match` over real files: tables, warped MIDI, bad files, and every mistake in one line."""

from __future__ import annotations

import csv
import json
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.results import MatchRow, Ranking
from tests.crossmodal.applications.tunes import TuneShelf, onsets, tune
from tests.pairs.midi_bytes import midi, note, scale

from .running import crossmodal, end, mistake, signal_when, start


def write_bad(folder: Path) -> dict[str, str]:
    """Files that are no music, and what is wrong with each."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {"empty.mid": (b"", "empty"), "zeros.mid": (bytes(300), "zeros only"), "half.mid": (tune(0)[:70], "corrupt"),
             "drums.mid": (midi([scale(20, channel=9)]), "drums only"), "one.mid": (midi([note(60)]), "too few notes")}  # fmt: skip
    for name, (content, _) in files.items():
        (folder / name).write_bytes(content)
    return {name: reason for name, (_, reason) in files.items()}


@pytest.mark.slow
def test_a_folder_becomes_a_table_with_warped_midi(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    queries = tmp_path / "queries"
    reasons = write_bad(queries)
    for name in ("0.mid", "3.mid"):
        (queries / name).write_bytes((tune_shelf.folder / "queries" / name).read_bytes())
    (queries / "stranger.mid").write_bytes(tune(77))
    (queries / "words.txt").write_text("words", encoding="utf-8")
    table, aligned = tmp_path / "out/matches.csv", tmp_path / "aligned"
    arguments = ("match", tune_shelf.index, queries, "--output", table, "--aligned", aligned, "-k", 2, "--jobs", 1)
    outcome = crossmodal(*arguments, "--quiet")
    assert outcome.code == 0 and "3 files answered, 2 of them surely, 5 skipped" in outcome.out
    listed = {
        row["path"]: row["reason"] for row in csv.DictReader((table.parent / "skipped.csv").open(encoding="utf-8"))
    }
    assert {Path(path).name for path in listed} == set(reasons)
    assert all(reasons[Path(path).name] in reason for path, reason in listed.items())
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert list(rows[0]) == list(MatchRow.model_fields) and len(rows) == 6
    best = {Path(row["query"]).name: row for row in rows if row["rank"] == "1"}
    assert (best["0.mid"]["id"], best["3.mid"]["id"]) == ("0.wav", "3.wav")
    assert best["stranger.mid"]["abstained"] == "True" and not best["stranger.mid"]["aligned"]
    warped = Path(best["3.mid"]["aligned"])
    assert sorted(aligned.iterdir()) == sorted(
        path
        for row in (best["0.mid"], best["3.mid"])
        for path in (Path(row["aligned"]), Path(row["aligned"]).with_suffix(".csv"))
    )
    recorded = tune_shelf.recorded[3].clock(onsets(tune_shelf.folder / "midi/3.mid"))
    found = onsets(warped)
    assert np.median(np.abs(found - recorded[-len(found) :])) < 0.03
    assert {path.name for path in table.parent.iterdir()} == {"matches.csv", "skipped.csv"}
    assert crossmodal(*arguments, "--quiet", "--strict").code == 1


@pytest.mark.slow
def test_json_of_one_and_of_several(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    (tmp_path / "empty.mid").write_bytes(b"")
    query = tune_shelf.folder / "queries/0.mid"
    outcome = crossmodal("match", tune_shelf.index, query, "--json", "--quiet", "-k", 1, "--same-key", "--jobs", 1)
    assert outcome.code == 0 and set(outcome.document) == {"query", "space", "abstained", "results", "skipped"}
    answer = Ranking.model_validate(outcome.document)
    assert answer.query.modality == "midi" and answer.results[0].id == "0.wav"
    assert set(answer.results[0].detail) == {"offset_seconds", "transposition_semitones"}
    outcome = crossmodal(
        "match", tune_shelf.index, query, tmp_path / "empty.mid", "--json", "--quiet", "--same-key", "--jobs", 1
    )
    good, bad = outcome.document
    assert good["results"][0]["id"] == "0.wav" and "empty" in bad["skipped"][0]["reason"] and not bad["results"]
    told = crossmodal("match", tune_shelf.index, query, "--same-key", "--jobs", 1)
    assert told.code == 0 and "0.wav" in told.out
    assert "no cuts were measured" not in told.err and "not calibrated" not in told.err  # the bundled space has both
    nothing = crossmodal("match", tune_shelf.index, tmp_path / "empty.mid", "--quiet", "--jobs", 1)
    assert nothing.code == 1 and "empty" in nothing.err and "nothing usable" in nothing.err


def test_mistakes_are_told_in_one_line(tune_shelf: TuneShelf, index_folder: Path, tmp_path: Path) -> None:
    index, query = tune_shelf.index, tune_shelf.folder / "queries/0.mid"
    assert "found nothing" in mistake("match", index, tmp_path / "absent.mid", "--quiet")
    assert "nothing there" in mistake("match", tmp_path / "no index", query)
    assert "made with midi-audio" in mistake("match", index_folder, query)
    assert "expected a MIDI file, since" in mistake("match", index, tune_shelf.recorded[0].path, "--quiet")
    assert "expected MIDI files, since" in mistake("match", index, tune_shelf.folder / "recordings", "--quiet")
    assert "expected files or folders" in mistake("match", index)
    assert "expected a .csv file" in mistake("match", index, query, "--output", tmp_path / "a.txt", "--quiet")
    assert "--resume: expected --output or --aligned" in mistake("match", index, query, "--resume", "--quiet")


@pytest.mark.slow
def test_an_index_of_bad_files_and_good_ones(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    music, index = tmp_path / "music", tmp_path / "index"
    reasons = write_bad(music)
    soundfile.write(music / "silence.wav", np.zeros(22050 * 6), 22050)
    (music / "noise.wav").write_bytes(b"no sound")
    (music / "good.mid").write_bytes(tune(3))
    outcome = crossmodal("index", tune_shelf.space, music, "--output", index, "--jobs", 1, "--quiet")
    assert outcome.code == 0 and "1 items" in outcome.out and "bytes a track" in outcome.out
    listing = (index / "skipped.csv").read_text(encoding="utf-8")
    assert all(
        name in listing and reason in listing
        for name, reason in {**reasons, "silence.wav": "silent", "noise.wav": ""}.items()
    )
    answer = crossmodal("match", index, tune_shelf.recorded[3].path, "--json", "--quiet", "--jobs", 1).document
    assert (
        answer["query"]["modality"] == "audio" and answer["results"][0]["id"] == "good.mid" and not answer["abstained"]
    )


@pytest.mark.slow
def test_a_job_goes_on_after_kill_9(tune_shelf: TuneShelf, tmp_path: Path) -> None:
    queries = tmp_path / "queries"
    queries.mkdir()
    for number in range(60):
        (queries / f"{number:02}.mid").write_bytes(tune(number))
    table = tmp_path / "m.csv"
    arguments = ("match", tune_shelf.index, queries, "--output", table, "--jobs", 1, "--same-key", "--quiet")
    process = start(*arguments)
    signal_when(process, ".m.csv.parts/shards/*.json", tmp_path, signal.SIGKILL)
    assert end(process).code == -signal.SIGKILL and not table.exists()
    kept = [json.loads(path.read_text()) for path in (tmp_path / ".m.csv.parts/shards").glob("*.json")]
    assert sum(map(len, kept)) >= 16
    assert crossmodal(*arguments, "--resume").code == 0
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len({row["query"] for row in rows}) == 60
    assert [row["id"] for row in rows if row["rank"] == "1"][:6] == [f"{number}.wav" for number in range(6)]
    assert not (tmp_path / ".m.csv.parts").exists()
