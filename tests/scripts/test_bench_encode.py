"""The benchmark runs from end to end in a tiny size. What it measures is not asserted: a benchmark is no test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import soundfile

from crossmodal.space_files import load_space
from scripts import bench_encode
from scripts.bench_training import make_catalogue, measure_training
from scripts.benchmarking import Row, make_recording, own_peak, table


def tiny_clap() -> bench_encode.ClapBaseline:
    from transformers import ClapConfig

    text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
    audio = {
        "patch_embeds_hidden_size": 8,
        "hidden_size": 64,
        "depths": [1, 1, 1, 1],
        "num_attention_heads": [1, 1, 2, 2],
    }
    return bench_encode.ClapBaseline(ClapConfig(text_config=text, audio_config=audio))


def test_recordings_have_their_length(tmp_path: Path) -> None:
    path = make_recording(tmp_path / "long.flac", 250.5, seed=0, rate=8000, channels=1)
    assert soundfile.info(str(path)).duration == 250.5
    stereo = soundfile.info(str(make_recording(tmp_path / "short.wav", 0.5, seed=0)))
    assert (stereo.channels, stereo.samplerate, stereo.frames) == (2, 44100, 22050)


def test_throughput_and_one_file(space_folder: Path, tmp_path: Path) -> None:
    space = load_space(space_folder)
    paths = [make_recording(tmp_path / f"{i}.mp3", 1.5, seed=i) for i in range(2)]
    (row,) = bench_encode.measure_throughput(space, tiny_clap(), paths, jobs=2)
    assert row.baseline is not None
    assert row.ratio == pytest.approx(row.value / row.baseline)
    rows = bench_encode.measure_one_file(space, paths[0], repeats=1)
    assert [r.name.strip() for r in rows[1:]] == ["decode", "resample", "front end", "network", "other"]
    assert all(r.value >= 0 for r in rows)


def test_training_rows(space_folder: Path, tmp_path: Path) -> None:
    rows = measure_training(load_space(space_folder), make_catalogue(tmp_path, items=8, seconds=1.5), steps=1)
    assert [r.name.strip() for r in rows] == [
        "training step, pretraining",
        "making the batch",
        "training step, alignment",
        "making the batch",
    ]


@pytest.mark.slow
def test_memory_is_measured_in_processes_of_their_own(space_folder: Path, tmp_path: Path) -> None:
    short, long = (make_recording(tmp_path / f"{s}.flac", s, seed=0, rate=16000, channels=1) for s in (2, 4))
    (row,) = bench_encode.measure_memory(str(space_folder), short, long)
    assert row.baseline is not None
    assert row.baseline > 10
    assert own_peak() > 10


def test_table_and_unknown_space(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    text = table([Row("speed", 1234.5, "x", 2.0, 617.25, ">= 10 times", True), Row("part", 0.5, "s")])
    assert "1,234" in text
    assert text.splitlines()[1].endswith("met")
    assert bench_encode.main(["--space", str(tmp_path / "none")]) == 2
    assert "bench_encode: " in capsys.readouterr().err


def test_whole_run_prints_one_json_document(
    space_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_encode, "run", lambda *_: [Row("speed", 1.0, "s", 2.0, 0.5, "<= 1", True)])
    assert bench_encode.main(["--space", str(space_folder), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["rows"][0]["met"] is True
