"""A public CLAP model as a ready-made space: index, search and tag with nothing trained here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.space_files import load_space
from tests.crossmodal.cli.running import crossmodal, mistake
from tests.encoders.conftest import save_clap


@pytest.fixture(scope="module")
def clap(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_clap(tmp_path_factory.mktemp("clap"), fusion=False)


def test_index_search_and_tag(clap: Path, sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clap.parent)
    few = [sounds / "track 00.wav", sounds / "track 01.wav"]
    outcome = crossmodal("index", clap.name, *few, "--output", tmp_path / "idx", "--json")
    assert (outcome.code, outcome.document["items"]) == (0, 2)
    monkeypatch.chdir(tmp_path)  # the index finds its space from anywhere
    answer = crossmodal("search", "idx", "slow solemn choir", "--json").document
    assert len(answer["results"]) == 2 and answer["space"].startswith(f"{clap.name}@")
    known = crossmodal("info", clap, "--json").document
    assert (known["kind"], known["modalities"], known["dimension"]) == ("space", ["audio", "text"], 16)
    words = tmp_path / "words.txt"
    words.write_text("choir\nfiddle\n", encoding="utf-8")
    tags = crossmodal("tag", few[0], "--space", clap, "--vocabulary", words, "--json").document
    assert {r["detail"]["tag"] for r in tags["results"]} == {"choir", "fiddle"}
    assert "use --vocabulary FILE" in mistake("tag", few[0], "--space", clap)


def test_a_ready_made_space_in_python(clap: Path, sounds: Path) -> None:
    space = load_space(clap)
    vectors = space.encode("audio", [sounds / "track 00.wav"])
    assert vectors.shape == (1, 16) and space.recipe is None
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_what_is_no_model(tmp_path: Path, sounds: Path) -> None:
    said = mistake("index", "somebody/no-such-model", sounds, "--output", tmp_path / "idx")
    assert "'somebody/no-such-model'" in said and "check the name and the connection" in said
    assert not (tmp_path / "idx").exists()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}', encoding="utf-8")
    assert "expected model.safetensors" in mistake("info", tmp_path / "other")
    (tmp_path / "other" / "config.json").write_text("{", encoding="utf-8")
    mistake("info", tmp_path / "other")
