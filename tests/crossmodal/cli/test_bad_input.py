"""Mistakes: one line on stderr (expected, got, remedy), exit code 2, nothing on stdout."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import RECIPE

from .running import crossmodal, mistake


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trian"], 'Did you mean "train"?'),
        (["--nonsense"], "--nonsense"),
        (["search"], "Missing argument 'INDEX'"),
        (["encode", "tiny", "a.wav"], "Missing option '--output'"),
        (["train", "text-musik", "--catalogue", "x.csv"], 'Did you mean "text-music"?'),
        (["train", "text-music"], "Missing option '--catalogue'"),
        (["train", "none.yaml", "--catalogue", "x.csv"], "expected a readable recipe"),
        (["train", "text-music", "--catalogue", "none.csv", "--output", "o"], "none.csv: expected a readable file"),
        (["train", "text-music", "--catalogue", "x.csv", "--set", "seed"], "expected key=value"),
        (
            ["train", "text-music", "--catalogue", "x.csv", "--set", "training.batchsize=3"],
            'Did you mean "batch_size"?',
        ),
        (["train", "text-music", "--catalogue", "x.csv", "--set", "training.steps=-3"], "stages.pretraining"),
        (["train", "text-music", "--catalogue", "x.csv", "--device", "cuda:99"], "expected a device to train on"),
        (["train", "text-music", "--catalogue", "x.csv", "--device", "gpu"], "expected a device to train on"),
        (["info", "nowhere"], 'got "nowhere"'),
        (["info", "somebody/no-such-model"], "'somebody/no-such-model'"),
        (["search", "nowhere", "words"], "expected an index, got nothing there"),
        (["search", ".", "words"], "expected an index, got a folder without header.json"),
        (["search", "x", "words", "-k", "0"], "'-k'"),
        (["tag", "x.wav", "--jobs", "0"], "'--jobs'"),
        (["tag"], "expected files or folders, got none"),
        (["tag", "--from-file", "nowhere.txt"], "expected a readable list of paths, got nowhere.txt"),
        (["index", "x", "y", "--from-file", ".", "--output", "idx"], "expected a readable list of paths"),
    ],
)
def test_mistakes(arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in mistake(*arguments)


def test_help_and_version_are_no_mistakes() -> None:
    for arguments in ((), ("--help",), ("search", "-h"), ("--version",)):
        outcome = crossmodal(*arguments)
        assert (outcome.code, outcome.err) == (0, "") and outcome.out


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("towers:", "tower:", 'unknown key "tower". Did you mean "towers"?'),
        ("train: frozen", "trian: frozen", 'Did you mean "train"?'),
        ("bands: 32", "band: 32", 'unknown argument "band". Did you mean "bands"?'),
        ("type: mel-cnn", "type: mel-cn", 'Did you mean "mel-cnn"?'),
        ("bands: 32", "bands: many", "bands"),
        ("steps: 8", "steps: 0", "steps"),
        ("queries: [text]", "queries: [txt]", '"txt"'),
        ("name: tiny", "name: tiny\nname: again", "stands twice"),
        ("towers:", "towers: [", "not YAML"),
    ],
)
def test_recipes_with_mistakes(old: str, new: str, said: str, sounds: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace(old, new, 1), encoding="utf-8")
    output = tmp_path / "out"
    assert said in mistake("train", recipe, "--catalogue", sounds / "catalogue.jsonl", "--output", output)
    assert not (output / "manifest.json").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "at least one row"),
        ("title,artist\nx,y\n", "expected a column audio"),
        ("id,audio\na,one.wav\na,two.wav\n", "expected each id once"),
        ("id,audio\na,one.wav,more\n", "line 2"),
        ("id,audio,split\na,one.wav,practice\n", "expected split train, validation or test"),
    ],
)
def test_catalogues_with_mistakes(
    content: str, said: str, space_folder: Path, recipe_file: Path, tmp_path: Path
) -> None:
    catalogue = tmp_path / "songs.csv"
    catalogue.write_text(content, encoding="utf-8")
    assert said in mistake("index", space_folder, catalogue, "--output", tmp_path / "idx")
    assert said in mistake("evaluate", space_folder, catalogue)
    assert said in mistake("train", recipe_file, "--catalogue", catalogue, "--output", tmp_path / "out")
    assert not (tmp_path / "idx" / "header.json").exists()


def test_missing_files_of_a_catalogue_are_skipped(space_folder: Path, sounds: Path, tmp_path: Path) -> None:
    catalogue = tmp_path / "songs.csv"
    catalogue.write_text(f"id,audio\nhere,{sounds / 'track 00.wav'}\ngone,gone.wav\n", encoding="utf-8")
    outcome = crossmodal("index", space_folder, catalogue, "--output", tmp_path / "idx", "--json")
    assert (outcome.code, outcome.document["items"]) == (0, 1)
    assert [Path(row["path"]).name for row in outcome.document["skipped"]] == ["gone.wav"]
    again = crossmodal("index", space_folder, catalogue, "--output", tmp_path / "idx", "--update", "--strict")
    assert again.code == 1
    catalogue.write_text("id,audio\ngone,gone.wav\n", encoding="utf-8")
    empty = crossmodal("index", space_folder, catalogue, "--output", tmp_path / "idx", "--update")
    assert empty.code == 1 and empty.lines[-1] == "crossmodal: nothing usable"
    assert len(crossmodal("search", tmp_path / "idx", "sound", "--json").document["results"]) == 1  # a drive unplugged


def test_folders_without_audio(space_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "cover.jpg").write_bytes(b"x")
    for command in (
        ("index", space_folder, tmp_path / "music", "--output", tmp_path / "idx"),
        ("encode", space_folder, tmp_path / "music", "--output", tmp_path / "v.parquet"),
        ("tag", tmp_path / "music", "--space", space_folder),
    ):
        assert "expected audio files in" in mistake(*command)
    assert "found nothing; check the path" in mistake("tag", tmp_path / "nowhere", "--space", space_folder)


def test_outputs_that_cannot_be(space_folder: Path, sounds: Path, tmp_path: Path) -> None:
    track = sounds / "track 00.wav"
    file = tmp_path / "file"
    file.touch()
    assert "a .parquet file" in mistake("encode", space_folder, track, "--output", tmp_path / "v.csv")
    assert "able to write" in mistake("index", space_folder, track, "--output", file)
    assert "able to write" in mistake("encode", space_folder, track, "--output", file / "v.parquet")
    folder = tmp_path / "folder.parquet"
    folder.mkdir()
    assert "folder.parquet" in mistake("encode", space_folder, track, "--output", folder)


def test_an_index_is_not_overwritten(space_folder: Path, index_folder: Path, sounds: Path) -> None:
    said = mistake("index", space_folder, sounds, "--output", index_folder)
    assert "expected a new folder, got an index; add --update" in said


def test_modalities(space_folder: Path, sounds: Path, tmp_path: Path) -> None:
    said = mistake("encode", space_folder, sounds, "--output", tmp_path / "v.parquet", "--modality", "voice")
    assert '(audio, text), got "voice"' in said
    (tmp_path / "words.txt").write_text("a low sound", encoding="utf-8")
    (tmp_path / "blank.txt").write_text(" ", encoding="utf-8")
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    outcome = crossmodal(
        "encode", space_folder, tmp_path, "--output", tmp_path / "t.parquet", "--modality", "text", "--json"
    )
    assert (outcome.code, outcome.document["encoded"], len(outcome.document["skipped"])) == (0, 1, 2)


def test_lists_of_files(space_folder: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sounds)
    names = ["track 00.wav", "track 01.wav"]

    def tagged(data: bytes) -> list[str]:
        outcome = crossmodal("tag", "--from-file", "-", "--space", space_folder, "--json", "-k", 1, stdin=data)
        assert outcome.code == 0
        documents = outcome.document if isinstance(outcome.document, list) else [outcome.document]
        return [d["query"]["path"] for d in documents if d["results"]]

    assert tagged("\n".join(names).encode()) == names
    assert tagged("\r\n".join(["", *names, ""]).encode("utf-8-sig")) == names
    assert tagged("\0".join(names).encode()) == names  # find -print0
    assert tagged("\n".join(names).encode("utf-16")) == names
    assert tagged(b"track 00.wav\ncaf\xe9.wav\ngone.wav\n") == names[:1]
    shutil.copy(sounds / "track 02.wav", tmp_path / "x.wav")
    listing = tmp_path / "list"
    listing.write_bytes(os.fsencode(tmp_path / "x.wav") + b"\ngone.wav\n")
    outcome = crossmodal("encode", space_folder, "--from-file", listing, "--output", tmp_path / "v.parquet", "--json")
    assert outcome.code == 0 and outcome.document["skipped"] == [{"path": "gone.wav", "reason": "no such file"}]
    for data in (b"", b"\n\n"):
        assert "got none" in mistake("tag", "--from-file", "-", "--space", space_folder, stdin=data)
    said = mistake(
        "tag", "--from-file", "-", "--space", space_folder, stdin=b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\n.\n"
    )
    assert "got binary data" in said
    said = mistake("tag", "--from-file", "-", "--space", space_folder, stdin=b"gone.wav\naway.wav\n")
    assert "got 2 that do not exist, the first 'gone.wav'" in said


def test_words_that_a_space_of_word_vectors_does_not_know(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = tmp_path / "vectors.txt"
    generator = np.random.default_rng(0)
    words = ["low", "high", "rich", "pure", "a", "sound"]
    table.write_text(
        "".join(f"{w} {' '.join(f'{v:.3f}' for v in generator.normal(size=6))}\n" for w in words), encoding="utf-8"
    )
    recipe = tmp_path / "words.yaml"
    old = "{type: sentences, arguments: {source: minilm}}"
    recipe.write_text(
        RECIPE.replace(old, f"{{type: word-vectors, arguments: {{source: '{table}'}}}}"), encoding="utf-8"
    )
    space = tmp_path / "space"
    assert crossmodal(
        "train", recipe, "--catalogue", sounds / "catalogue.jsonl", "--output", space, "--jobs", 1,
        "--set", "training.steps=2",
    ).code == 0  # fmt: skip
    assert crossmodal("index", space, sounds, "--output", tmp_path / "idx").code == 0
    said = mistake("search", tmp_path / "idx", "riche")
    assert "riche" in said and "rich" in said.replace("riche", "")
    assert "zither" in mistake("search", tmp_path / "idx", "low zither")
    assert crossmodal("search", tmp_path / "idx", "low rich").code == 0


def test_places(own_home: Path, sounds: Path, recipe_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --output a space goes to, and is found in, CROSSMODAL_HOME; skipped files are listed beside it."""
    catalogue = sounds / "catalogue.jsonl"
    outcome = crossmodal(
        "train", recipe_file, "--catalogue", catalogue, "--jobs", 1, "--json", "--set", "training.steps=2"
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.document["path"] == str(own_home / "spaces" / "tiny") and outcome.document["skipped"] == []
    assert crossmodal("info", "tiny", "--json").document["path"] == str((own_home / "spaces" / "tiny").resolve())
    said = mistake("train", recipe_file, "--catalogue", catalogue, "--set", "training.steps=2")
    assert "got a finished space; add --resume" in said
    said = mistake("train", recipe_file, "--catalogue", catalogue, "--resume")
    assert "expected the recipe that this training began with" in said
    again = crossmodal(
        "train", recipe_file, "--catalogue", catalogue, "--resume", "--json", "--set", "training.steps=2"
    )
    assert again.document == outcome.document
    (own_home / "file").touch()
    monkeypatch.setenv("CROSSMODAL_HOME", str(own_home / "file"))
    assert "able to write" in mistake("train", recipe_file, "--catalogue", catalogue)


def test_training_skips_and_tells(sounds: Path, recipe_file: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row["audio"] = str(sounds / row["audio"])
    soundfile.write(tmp_path / "silence.wav", np.zeros(32000), 16000)
    rows += [{"id": "silence", "audio": "silence.wav", "tags": []}, {"id": "gone", "audio": "gone.wav", "tags": []}]
    catalogue = tmp_path / "songs.jsonl"
    catalogue.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    output = tmp_path / "space"
    options = ("--output", output, "--jobs", 1, "--set", "training.steps=2", "--json")
    outcome = crossmodal("train", recipe_file, "--catalogue", catalogue, *options, "--strict")
    assert outcome.code == 1 and len(outcome.document["skipped"]) == 2
    assert (output / "skipped.csv").read_text(encoding="utf-8").count("\n") == 3
    resumed = crossmodal("train", recipe_file, "--catalogue", catalogue, *options, "--resume")
    assert resumed.code == 0 and resumed.document == outcome.document
