"""What the commands that answer say: one document, in order, on stdout; advice on stderr."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import soundfile

from crossmodal.base.results import Ranking, ScoreTable
from tests.conftest import tone

from .running import crossmodal, mistake


def test_search_prints_one_document_sorted_by_similarity(index_folder: Path) -> None:
    outcome = crossmodal("search", index_folder, "a low rich sound", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    answer = Ranking.model_validate(outcome.document)
    assert answer.query.model_dump() == {"modality": "text", "text": "a low rich sound", "path": None}
    assert answer.space.startswith("tiny@") and not answer.abstained
    similarities = [result.similarity for result in answer.results]
    assert similarities == sorted(similarities, reverse=True) and len(similarities) == 10
    assert [result.rank for result in answer.results] == list(range(1, 11))
    assert set(outcome.document) == {"query", "space", "abstained", "results", "skipped"}  # as INTERFACE.md has it
    assert set(outcome.document["query"]) == {"modality", "text"}


def test_k_and_filters(index_folder: Path) -> None:
    def found(*options: object) -> list[str]:
        outcome = crossmodal("search", index_folder, "sound", "--json", *options)
        return [result["id"] for result in outcome.document["results"]]

    assert len(found("-k", 3)) == 3 and len(found("-k", 1000)) == 12
    assert set(found("--filter", "artist=Artist 1")) == {"track-01", "track-05", "track-09"}
    assert found("--filter", "artist=artist 1", "--filter", "year=1995") == ["track-05"]
    assert len(found("--filter", "tags=rich")) == 4
    assert found("--filter", "artist=nobody") == []
    assert "nothing found" in crossmodal("search", index_folder, "sound", "--filter", "artist=nobody").out


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["sound", "-k", "0"], "'-k'"),
        (["sound", "-k", "many"], "'-k'"),
        ([""], "empty text"),
        (["  \n"], "empty text"),
        ([], "expected a query, got none"),
        (["sound", "--filter", "artits=x"], "did you mean 'artist'?"),
        (["sound", "--filter", "artist"], "expected column=value"),
        (["sound", "--target", "image"], "which this index holds"),
        (["sound", "--audio", "x.wav"], "--combine"),
        (["--image", "x.png"], 'a modality of the space tiny (audio, text), got "image"'),
        (["sound", "--nonsense"], "--nonsense"),
        (["sound", "--device", "cuda:77"], "expected a device that this machine has"),
        (["sound", "--device", "toaster"], "expected a device that this machine has"),
    ],
)
def test_mistakes_in_a_search(index_folder: Path, options: list[str], said: str) -> None:
    assert said in mistake("search", index_folder, *options)


def test_text_from_stdin(index_folder: Path) -> None:
    query = "a lów sound".encode()
    by_argument = crossmodal("search", index_folder, query.decode(), "--json").document
    assert crossmodal("search", index_folder, "-", "--json", stdin=query + b"\n").document == by_argument
    assert crossmodal("search", index_folder, "-", "--json", stdin=b"\xef\xbb\xbf" + query).document == by_argument
    assert "empty text" in mistake("search", index_folder, "-")
    assert "UTF-8" in mistake("search", index_folder, "-", stdin=b"caf\xe9")


def test_a_recording_finds_itself_and_queries_combine(index_folder: Path, sounds: Path) -> None:
    path = sounds / "track 03.wav"
    answer = crossmodal("search", index_folder, "--audio", path, "--json").document
    assert answer["query"] == {"modality": "audio", "path": str(path)}
    assert answer["results"][0]["id"] == "track-03" and answer["results"][0]["similarity"] > 0.999
    both = crossmodal("search", index_folder, "a sound", "--audio", path, "--combine", "--json").document
    assert both["query"] == {"modality": "text+audio", "text": "a sound", "path": str(path)}


def test_an_unknown_script_is_warned_about(index_folder: Path) -> None:
    outcome = crossmodal("search", index_folder, "ꦒꦩꦼꦭꦤ꧀", "--json", "-k", 1)
    assert outcome.code == 0 and len(outcome.document["results"]) == 1
    assert len(outcome.lines) == 1 and "unknown to the text tower" in outcome.err
    assert crossmodal("search", index_folder, "ꦒꦩꦼꦭꦤ꧀", "--quiet", "-k", 1).err == ""


def test_exact_duplicates_are_one_result(space_folder: Path, sounds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "doubles"
    folder.mkdir()
    for name in ("first.wav", "second.wav", "third.wav"):
        shutil.copy(sounds / "track 00.wav", folder / name)
    shutil.copy(sounds / "track 01.wav", folder / "other.wav")
    outcome = crossmodal("index", space_folder, folder, "--output", tmp_path / "idx", "--json")
    assert outcome.document["items"] == 4
    results = crossmodal("search", tmp_path / "idx", "a sound", "--json").document["results"]
    assert len(results) == 2
    copies = next(r["detail"]["copies"] for r in results if r["id"] != "other.wav")
    assert sorted(Path(c).name for c in copies) == ["second.wav", "third.wav"]


def test_tag_with_any_words(space_folder: Path, sounds: Path, tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("\ufefflow\n\npurple\nlow\nhigh\n", encoding="utf-8")
    path = sounds / "track 00.wav"
    outcome = crossmodal("tag", path, "--space", space_folder, "--vocabulary", words, "--json")
    assert outcome.code == 0
    answer = Ranking.model_validate(outcome.document)
    assert {result.detail["tag"] for result in answer.results} == {"low", "purple", "high"}
    assert all(set(result) == {"rank", "similarity", "detail"} for result in outcome.document["results"])
    several = crossmodal("tag", path, sounds / "track 01.wav", "--space", space_folder, "--json", "-k", 1, "--jobs", 2)
    assert [Path(d["query"]["path"]).name for d in several.document] == ["track 00.wav", "track 01.wav"]
    assert several.document[0]["results"][0]["detail"]["tag"] in {"low", "high", "rich", "pure"}
    assert "low" in crossmodal("tag", path, "--space", space_folder).out
    empty = tmp_path / "empty.txt"
    empty.write_text("\n\n", encoding="utf-8")
    assert "empty file" in mistake("tag", path, "--space", space_folder, "--vocabulary", empty)
    assert "readable text file" in mistake("tag", path, "--space", space_folder, "--vocabulary", tmp_path / "none")
    assert crossmodal("tag", path).out.count("[text-music@") == 1  # the bundled space is the default


def test_evaluate_leaves_out_what_was_trained_on(space_folder: Path, sounds: Path) -> None:
    outcome = crossmodal("evaluate", space_folder, sounds / "catalogue.jsonl", "--json", "--split", "test")
    assert outcome.code == 0
    table = ScoreTable.model_validate(outcome.document)
    assert (table.split, table.seed, table.excluded) == ("test", 0, 0) and table.rows
    assert "not trained on" in mistake("evaluate", space_folder, sounds / "catalogue.jsonl", "--split", "train")


def test_info_on_a_space_and_on_an_index(space_folder: Path, index_folder: Path, tmp_path: Path) -> None:
    space = crossmodal("info", space_folder, "--json").document
    assert (space["kind"], space["name"], space["modalities"]) == ("space", "tiny", ["audio", "text"])
    assert space["dimension"] == 16 and space["training works"] == 8
    index = crossmodal("info", index_folder, "--json").document
    assert (index["kind"], index["items"], index["interrupted run"]) == ("index", 12, False)
    assert "artist" in index["columns"]
    assert "tiny" in crossmodal("info", space_folder).out and "12" in crossmodal("info", index_folder).out
    assert "expected a space or an index, found neither" in mistake("info", tmp_path)


def test_spaces_and_recipes(own_home: Path, space_folder: Path, sounds: Path) -> None:
    assert crossmodal("spaces", "--json").code == 0
    (own_home / "spaces").mkdir()
    shutil.copytree(space_folder, own_home / "spaces" / "tiny", ignore=shutil.ignore_patterns("training"))
    rows = crossmodal("spaces", "--json").document
    assert [r["path"] for r in rows if r["name"] == "tiny"] == [str(own_home / "spaces" / "tiny")]
    assert crossmodal("tag", sounds / "track 00.wav", "--space", "tiny").code == 0
    assert 'Did you mean "tiny"?' in mistake("info", "tinny")
    names = [row["name"] for row in crossmodal("recipes", "--json").document]
    assert "text-music" in names and "zero-shot-tagging" in names
    assert crossmodal("recipes", "text-music", "--json").document["name"] == "text-music"
    assert "learning_rate" in crossmodal("recipes", "text-music").out
    assert 'Did you mean "text-music"?' in mistake("recipes", "text-musik")


def test_relative_paths_and_another_working_directory(
    space_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here / "music", there):
        folder.mkdir(parents=True)
    shutil.copytree(space_folder, here / "space", ignore=shutil.ignore_patterns("training"))
    soundfile.write(here / "music" / "a.wav", tone(300), 16000)
    monkeypatch.chdir(here)
    assert crossmodal("index", "space", "music", "--output", "idx").code == 0
    monkeypatch.chdir(there)
    results = crossmodal("search", "../here/idx", "a sound", "--json").document["results"]
    assert [(r["id"], r["path"]) for r in results] == [("a.wav", str(here / "music" / "a.wav"))]
    monkeypatch.chdir(here)
    assert crossmodal("index", "space", "music", "--output", "idx", "--update", "--json").document["kept"] == 1


def test_control_characters_do_not_reach_the_terminal(space_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    soundfile.write(folder / "fine.wav", tone(300), 16000)
    (folder / "fine.wav").rename(folder / "red \x1b[31m\nline.wav")
    crossmodal("index", space_folder, folder, "--output", tmp_path / "idx")
    shown = crossmodal("search", tmp_path / "idx", "a sound")
    assert "\x1b" not in shown.out and len(shown.out.splitlines()) == 3
    exact = crossmodal("search", tmp_path / "idx", "a sound", "--json")
    assert exact.document["results"][0]["id"] == "red \x1b[31m\nline.wav" and "\x1b" not in exact.out


def test_a_damaged_faiss_file_is_rebuilt(index_folder: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(index_folder, tmp_path / "idx")
    before = crossmodal("search", copy, "a low sound", "--json")
    for damage in (lambda p: p.write_bytes(b"no index"), lambda p: p.unlink()):
        damage(next(copy.glob("ann-*.faiss")))
        outcome = crossmodal("search", copy, "a low sound", "--json")
        assert outcome.document == before.document
        assert len(outcome.lines) == 1 and "rebuilt from the vectors" in outcome.err and ".py" not in outcome.err
        assert crossmodal("search", copy, "a low sound", "--json").err == ""


def test_an_index_of_another_space_is_refused(index_folder: Path, space_copy: Path, tmp_path: Path) -> None:
    from crossmodal.space_files import load_space, save_space

    space = load_space(space_copy)
    for parameter in space.embedding.tower("audio").head.parameters():
        parameter.data.mul_(0.9)
    save_space(space, space_copy)
    copy = shutil.copytree(index_folder, tmp_path / "idx")
    soundfile.write(tmp_path / "a.wav", tone(300), 16000)
    said = mistake("index", space_copy, tmp_path / "a.wav", "--output", copy, "--update")
    assert "holds vectors of the space tiny@" in said and "index again into another folder" in said
    assert crossmodal("search", copy, "a sound").code == 0
    (copy / "header.json").write_text(json.dumps({"format": 1}), encoding="utf-8")
    assert "header was changed or damaged" in mistake("search", copy, "a sound")
