"""Durability: what is committed is whole, what was staged is taken up, what is damaged is found out."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.retrieval.header import read_header
from crossmodal.retrieval.index import Index, IndexWarning
from crossmodal.retrieval.writer import IndexWriter
from tests.crossmodal.retrieval.making import DIMENSION, SPACE, item, made, unit, writer


def ids(folder: Path) -> str:
    return "".join(one.id for one in Index.open(folder).items)


def test_round_trip(tmp_path: Path) -> None:
    vectors = made(tmp_path, "abc")
    index = Index.open(tmp_path, space=SPACE)
    assert ids(tmp_path) == "abc"
    assert index.items[1] == index.items[-2] == item("b") and list(index.items) == index.items[:]
    with pytest.raises(IndexError):
        index.items[3]
    assert (index.header.items, index.header.vectors, index.header.generation) == (3, 9, 1)
    np.testing.assert_array_equal(index.vectors_of(2), vectors["c"])
    np.testing.assert_array_equal(index.offsets[:3], [0, 1.5, 3])
    assert not index.interrupted
    assert len(list(tmp_path.glob("*-000001.*"))) == 4
    assert not list(tmp_path.glob("staging-*"))


def test_update_keeps_replaces_removes_and_moves(tmp_path: Path) -> None:
    vectors = made(tmp_path, "abc")
    fresh = unit(np.random.default_rng(9), 2)
    with writer(tmp_path) as one:
        one.remove(["a"])
        one.add(item("b"), fresh)
        one.add(item("d"), fresh[0])
        one.move("c", "/elsewhere/c.wav", size=1, modified_ns=2)
        one.move("d", "/elsewhere/d.wav", size=3, modified_ns=4)
        one.commit()
        assert [known.id for known in one.items] == ["c", "b", "d"]
    index = Index.open(tmp_path)
    assert [known.path for known in index.items] == ["/elsewhere/c.wav", "/music/b.wav", "/elsewhere/d.wav"]
    np.testing.assert_array_equal(index.vectors_of(0), vectors["c"])
    np.testing.assert_array_equal(index.vectors_of(1), fresh)
    np.testing.assert_array_equal(index.vectors_of(2), fresh[:1])
    assert not list(tmp_path.glob("*-000001.*"))


def test_opened_index_outlives_the_next_commit(tmp_path: Path) -> None:
    vectors = made(tmp_path, "abc")
    index = Index.open(tmp_path)
    with writer(tmp_path) as one:
        one.remove(["a", "b", "c"])
        one.commit()
    (hits,) = index.search(vectors["b"][0], k=1)
    assert hits[0].item.id == "b"
    assert ids(tmp_path) == ""


def test_writer_that_was_stopped_is_continued(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    with pytest.raises(KeyboardInterrupt), writer(tmp_path, shard_vectors=100) as one:
        one.add(item("a"), unit(generator, 1))
        raise KeyboardInterrupt
    assert ids(tmp_path) == ""
    assert Index.open(tmp_path).interrupted
    with writer(tmp_path) as one:
        assert [known.id for known in one.items] == ["a"]
        one.add(item("b"), unit(generator, 1))
        one.commit()
    assert ids(tmp_path) == "ab"
    assert not Index.open(tmp_path).interrupted


def test_damaged_shard_is_made_again(tmp_path: Path) -> None:
    with writer(tmp_path) as one:
        one.add(item("a"), unit(np.random.default_rng(0), 1))
    (shard,) = tmp_path.glob("staging-*/*.npz")
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 255
    shard.write_bytes(content)
    with writer(tmp_path) as one:
        assert one.items == []


def test_a_shard_is_durable_after_a_while(tmp_path: Path) -> None:
    one = IndexWriter(tmp_path, space=SPACE, modality="audio", shard_seconds=0.0)
    one.add(item("a"), unit(np.random.default_rng(0), 1))
    assert len(list(tmp_path.glob("staging-*/*.npz"))) == 1
    one.close()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    with writer(tmp_path), pytest.raises(InputError, match="another process is writing"):
        writer(tmp_path)
    with writer(tmp_path):
        pass


@pytest.mark.parametrize("kind", ["items", "rows", "vectors"])
@pytest.mark.parametrize("harm", ["changed", "truncated", "removed"])
def test_damaged_tables_are_refused(tmp_path: Path, kind: str, harm: str) -> None:
    made(tmp_path, "abc")
    (path,) = tmp_path.glob(f"{kind}-*")
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(content if harm == "changed" else content[:-10])
    for opened in (Index.open, writer):
        with pytest.raises(IntegrityError, match="index again"):
            opened(tmp_path)


@pytest.mark.parametrize("harm", ["changed", "truncated", "removed"])
def test_damaged_faiss_file_is_rebuilt(tmp_path: Path, harm: str) -> None:
    vectors = made(tmp_path, "abc")
    (path,) = tmp_path.glob("ann-*")
    content = path.read_bytes()
    if harm == "removed":
        path.unlink()
    else:
        path.write_bytes(b"x" * len(content) if harm == "changed" else content[:10])
    with pytest.warns(IndexWarning, match="rebuilt from the vectors"):
        index = Index.open(tmp_path)
    (hits,) = index.search(vectors["b"][1], k=1)
    assert hits[0].item.id == "b"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Index.open(tmp_path)


def test_damaged_faiss_file_does_not_stop_readers_while_one_writes(tmp_path: Path) -> None:
    made(tmp_path, "abc")
    (path,) = tmp_path.glob("ann-*")
    path.write_bytes(b"x")
    with writer(tmp_path), pytest.warns(IndexWarning):
        assert len(Index.open(tmp_path).items) == 3


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', None])
def test_damaged_header(tmp_path: Path, text: str | None) -> None:
    made(tmp_path, "abc")
    header = tmp_path / "header.json"
    header.write_text(header.read_text().replace('"items": 3', '"items": 4') if text is None else text)
    with pytest.raises(IntegrityError, match="index again"):
        Index.open(tmp_path)


def test_what_is_no_index(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a folder without header"):
        Index.open(tmp_path)
    with pytest.raises(InputError, match="nothing there"):
        Index.open(tmp_path / "missing")


def test_other_space_modality_or_preprocessing(tmp_path: Path) -> None:
    made(tmp_path, "abc")
    other = SPACE.model_copy(update={"name": "voices", "fingerprint": "b" * 64})
    with pytest.raises(IntegrityError, match=r"text-music@aaaaaaaa.*voices@bbbbbbbb"):
        Index.open(tmp_path, space=other)
    with pytest.raises(IntegrityError, match=r"text-music@aaaaaaaa.*voices@bbbbbbbb"):
        IndexWriter(tmp_path, space=other, modality="audio")
    with pytest.raises(IntegrityError, match="modality"):
        IndexWriter(tmp_path, space=SPACE, modality="image")
    with pytest.raises(IntegrityError, match="preprocessing"):
        IndexWriter(tmp_path, space=SPACE, modality="audio", preprocessing={"hop": 2})
    Index.open(tmp_path).check_space(SPACE)


@pytest.mark.parametrize(
    ("vectors", "offsets"),
    [
        (np.ones((2, DIMENSION + 1)), None),
        (np.ones((0, DIMENSION)), None),
        (np.full((1, DIMENSION), np.inf), None),
        (np.ones((2, DIMENSION)), np.zeros(3)),
    ],
)
def test_bad_vectors(tmp_path: Path, vectors: np.ndarray, offsets: np.ndarray | None) -> None:
    with writer(tmp_path) as one:
        with pytest.raises(InputError, match="a: expected"):
            one.add(item("a"), vectors, offsets)
        with pytest.raises(InputError, match="'z'"):
            one.remove(["z"])


def test_foreign_files_are_left_alone(tmp_path: Path) -> None:
    made(tmp_path, "abc")
    (tmp_path / "skipped.csv").write_text("path,reason")
    for name in ("vectors-000009.npy", ".partial-abc.npy", "items-000000.parquet"):
        (tmp_path / name).write_bytes(b"half")
    with writer(tmp_path):
        pass
    names = {path.name for path in tmp_path.iterdir()}
    assert "skipped.csv" in names
    assert not names & {"vectors-000009.npy", ".partial-abc.npy", "items-000000.parquet"}


STEP = st.one_of(
    st.tuples(st.just("add"), st.sampled_from("abcdef"), st.integers(1, 4)),
    st.tuples(st.sampled_from(["remove", "move"]), st.sampled_from("abcdef"), st.just(0)),
    st.tuples(st.sampled_from(["commit", "reopen"]), st.just(""), st.just(0)),
)


@settings(max_examples=15, deadline=None)
@given(st.lists(STEP, max_size=12))
def test_any_history_equals_a_dictionary(steps: list[tuple[str, str, int]]) -> None:
    """Whatever is added, removed, moved, committed and reopened: the index holds what a dictionary would."""
    generator = np.random.default_rng(0)
    expected: dict[str, tuple[str, np.ndarray]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        one = writer(folder)
        for kind, letter, count in steps:
            if kind == "add":
                vectors = unit(generator, count)
                one.add(item(letter), vectors)
                expected[letter] = (item(letter).path, vectors)
            elif kind == "remove" and letter in expected:
                one.remove([letter])
                del expected[letter]
            elif kind == "move" and letter in expected:
                one.move(letter, f"/new/{letter}", size=1, modified_ns=1)
                expected[letter] = (f"/new/{letter}", expected[letter][1])
            elif kind in ("commit", "reopen"):
                one.commit()
            if kind == "reopen":
                one.close()
                one = writer(folder)
        header = one.commit()
        one.close()
        index = Index.open(folder)
        assert header == read_header(folder)
        assert {known.id: known.path for known in index.items} == {key: path for key, (path, _) in expected.items()}
        for row, known in enumerate(index.items):
            np.testing.assert_array_equal(index.vectors_of(row), expected[known.id][1])
