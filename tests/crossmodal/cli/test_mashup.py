"""`crossmodal mashup` over real sound files: what it writes is matched in tempo, key and beat; every mistake in one line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.mashup_listening import RATE, hear_backing
from tests.crossmodal.applications.stems import beaten, sung, write_stems

from .running import crossmodal, mistake

LEAD = 0.5  # seconds of silence before the voice of `matching` begins


@pytest.fixture(scope="module")
def stems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_stems(tmp_path_factory.mktemp("stems"))


@pytest.fixture(scope="module")
def matching(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A voice at 100 beats a minute in C major, and two backings that have to be stretched and transposed for it."""
    folder = tmp_path_factory.mktemp("matching")
    given = {
        "vocals/voice": sung(100, lead=LEAD),
        "backings/slow": beaten(94, tonic=62),
        "backings/quick": beaten(108, tonic=58),
    }
    for name, samples in given.items():
        (folder / name).parent.mkdir(exist_ok=True)
        soundfile.write(folder / f"{name}.wav", samples, RATE)
    return folder


def test_mixes_are_matched_in_tempo_key_and_beat_and_never_clipped(matching: Path, tmp_path: Path) -> None:
    output = tmp_path / "mixes"
    done = crossmodal(
        "mashup",
        matching / "vocals",
        matching / "backings",
        "--output",
        output,
        "--level",
        8,
        12,
        "--seed",
        4,
        "--json",
    )
    assert done.code == 0 and done.document["skipped"] == [] and not (output / "skipped.csv").exists()
    rows = {Path(row["backing"]).stem: row for row in done.document["mixes"]}
    assert set(rows) == {"slow", "quick"}
    assert rows["slow"]["semitones"] == -2 and rows["quick"]["semitones"] == 2
    for name, tempo in (("slow", 94), ("quick", 108)):
        row = rows[name]
        assert row["stretch"] == pytest.approx(100 / tempo, rel=0.02) and 8 <= row["voice_decibels"] <= 12
        samples, rate = soundfile.read(output / row["mix"])
        assert rate == RATE and 0.1 < np.abs(samples).max() < 0.98
        heard = hear_backing(output / row["mix"])
        assert heard.tempo == pytest.approx(100, rel=0.03) and heard.key.signature == 0
        bar = (
            4 * 60 / tempo
        )  # of the backing, as it is on disk: drums sound at its multiples, and the voice's first note on one of them
        begins = row["backing_seconds"] + LEAD * row["stretch"]
        assert abs((begins + bar / 2) % bar - bar / 2) < 0.12
    with (output / "manifest.csv").open(encoding="utf-8", newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [row["mix"] for row in written] == [row["mix"] for row in done.document["mixes"]]
    assert all(float(row["stretch"]) == rows[Path(row["backing"]).stem]["stretch"] for row in written)


def test_what_does_not_fit_is_told_with_the_reason(stems: Path, tmp_path: Path) -> None:
    output = tmp_path / "mixes"
    done = crossmodal("mashup", stems / "vocals", stems / "backings", "--output", output, "--quiet")
    assert (done.code, done.out) == (0, f"1 mixes in {output}\n")
    assert done.lines == [f"crossmodal: 4 skipped, listed in {output / 'skipped.csv'}"]
    told = (output / "skipped.csv").read_text(encoding="utf-8")
    for reason in ("tempi do not fit", "a backing with a beat", "no voice was found", "at least 3 s"):
        assert reason in told
    strict = crossmodal(
        "mashup", stems / "vocals", stems / "backings", "--output", tmp_path / "b", "--strict", "--quiet"
    )
    assert strict.code == 1
    far = crossmodal(
        "mashup",
        stems / "vocals/good.wav",
        stems / "backings/fast.wav",
        "--output",
        tmp_path / "far",
        "--quiet",
        "--json",
    )
    assert far.code == 1 and far.document["mixes"] == [] and "tempi do not fit" in far.document["skipped"][0]["reason"]


def test_count_limits_and_the_seed_repeats(matching: Path, tmp_path: Path) -> None:
    given = (
        "mashup",
        matching / "vocals",
        matching / "backings",
        "--count",
        1,
        "--seed",
        2,
        "--quiet",
        "--json",
        "--output",
    )
    first, again = (crossmodal(*given, tmp_path / name).document["mixes"] for name in ("a", "b"))
    assert len(first) == 1 and first == again
    assert (tmp_path / "a" / first[0]["mix"]).read_bytes() == (tmp_path / "b" / first[0]["mix"]).read_bytes()


def test_mistakes_are_one_line(stems: Path, tmp_path: Path) -> None:
    vocals, backings, output = stems / "vocals", stems / "backings", tmp_path / "out"
    assert "expected sound files" in mistake("mashup", tmp_path, backings, "--output", output)
    assert "no/such" in mistake("mashup", tmp_path / "no/such", backings, "--output", output)
    assert "--output" in mistake("mashup", vocals, backings)
    assert "--count" in mistake("mashup", vocals, backings, "--output", output, "--count", 0)
    assert "--level: expected" in mistake("mashup", vocals, backings, "--output", output, "--level", 6, -3)
    assert "--level: expected" in mistake("mashup", vocals, backings, "--output", output, "--level", "nan", 3)
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "manifest.csv").write_text("id\n", encoding="utf-8")
    assert "holds mixes" in mistake("mashup", vocals, backings, "--output", taken)
    (tmp_path / "file").write_bytes(b"x")
    assert str(tmp_path / "file") in mistake("mashup", vocals, backings, "--output", tmp_path / "file", "--quiet")


def test_files_that_are_no_sound_are_skipped(stems: Path, tmp_path: Path) -> None:
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad/empty.wav").write_bytes(b"")
    (tmp_path / "bad/words.mp3").write_text("no sound at all", encoding="utf-8")
    done = crossmodal(
        "mashup", tmp_path / "bad", stems / "backings/near.wav", "--output", tmp_path / "out", "--quiet", "--json"
    )
    assert done.code == 1 and done.document["mixes"] == []
    assert {Path(row["path"]).name for row in done.document["skipped"]} == {"empty.wav", "words.mp3"}
