"""Searching: exact against naive loops, filters, duplicates, edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from crossmodal.base.errors import InputError
from crossmodal.retrieval import ann
from crossmodal.retrieval.filters import Filter, parse_filter
from crossmodal.retrieval.index import Index
from crossmodal.retrieval.scan import best_per_item
from tests.crossmodal.retrieval.making import DIMENSION, item, made, unit, writer


def naive(vectors: dict[str, np.ndarray], query: np.ndarray, k: int) -> list[tuple[str, float]]:
    """Best vector of each item, by loops."""
    scored = [(name, max(float(one @ query) for one in many)) for name, many in vectors.items()]
    return sorted(scored, key=lambda pair: -pair[1])[:k]


@pytest.mark.parametrize("k", [1, 3, 26, 100])
def test_best_vector_of_each_item(tmp_path: Path, k: int) -> None:
    vectors = made(tmp_path, "abcdefghijklmnopqrstuvwxyz", vectors_each=5)
    index = Index.open(tmp_path)
    queries = unit(np.random.default_rng(1), 7)
    for query, hits in zip(queries, index.search(queries, k=k), strict=True):
        expected = naive(vectors, query, k)
        assert [hit.item.id for hit in hits] == [name for name, _ in expected]
        np.testing.assert_allclose([hit.similarity for hit in hits], [value for _, value in expected], rtol=1e-5)
        for hit in hits:
            assert float(index.vectors[hit.vector_row] @ query) == pytest.approx(hit.similarity, rel=1e-5)
            assert hit.offset == pytest.approx(1.5 * (hit.vector_row % 5))


def test_one_long_item_does_not_hide_the_others(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    near = unit(generator, 1)
    with writer(tmp_path) as one:
        one.add(item("long"), np.repeat(near, 500, axis=0))
        for name in "abc":
            one.add(item(name), unit(generator, 1))
        one.commit()
    (hits,) = Index.open(tmp_path).search(near, k=3)
    assert hits[0].item.id == "long"
    assert len({hit.item.id for hit in hits}) == 3


def test_duplicates_are_collapsed(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    same, other = unit(generator, 2)
    with writer(tmp_path) as one:
        one.add(item("a", sha256="x"), same)
        one.add(item("b", sha256="x"), same)
        one.add(item("c", sha256="y"), other)
        one.add(item("d", sha256=""), other)
        one.add(item("e", sha256=""), other)
        one.commit()
    index = Index.open(tmp_path)
    (hits,) = index.search(same, k=10)
    assert hits[0].item.id == "a"
    assert hits[0].copies == ("/music/b.wav",)
    assert sorted(hit.item.id for hit in hits) == ["a", "c", "d", "e"]
    (hits,) = index.search(same, k=10, collapse_duplicates=False)
    assert len(hits) == 5
    (hits,) = index.search(same, k=10, where=Filter("id", "b"))
    assert [(hit.item.id, hit.copies) for hit in hits] == [("b", ())]


def test_filters(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    fields = {
        "a": {"tags": ["Choir", "slow"], "year": 1750, "live": True},
        "b": {"tags": ["slow"], "year": 1750.0, "live": False, "title": "x=y"},
        "c": {"tags": [], "year": None},
    }
    with writer(tmp_path) as one:
        for name, values in fields.items():
            one.add(item(name, fields=values), unit(generator, 2))  # type: ignore[arg-type]
        one.commit()
    index = Index.open(tmp_path)
    query = unit(generator, 1)

    def found(*filters: str) -> list[str]:
        (hits,) = index.search(query, k=5, where=[parse_filter(text) for text in filters])
        return sorted(hit.item.id for hit in hits)

    assert found("tags=slow") == ["a", "b"]
    assert found("tags=slow", "tags=choir") == ["a"]
    assert found("year=1750") == ["a", "b"]
    assert found("year=later") == []
    assert found("live=true") == ["a"]
    assert found("title=x=y") == ["b"]
    assert found("modality=audio") == ["a", "b", "c"]
    assert found("duration=3.5") == ["a", "b", "c"]
    with pytest.raises(InputError, match=r"no column 'tag'; did you mean 'tags'\? columns are id, path"):
        found("tag=slow")


@pytest.mark.parametrize("text", ["", "tags", "=slow", " =x"])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(InputError, match="column=value"):
        parse_filter(text)


def test_empty_index(tmp_path: Path) -> None:
    with writer(tmp_path):
        pass
    index = Index.open(tmp_path)
    assert (len(index.items), index.vectors.shape) == (0, (0, DIMENSION))
    assert index.search(np.ones((2, DIMENSION)), k=3) == [[], []]
    with writer(tmp_path) as one:
        one.commit()
    assert Index.open(tmp_path).search(np.ones(DIMENSION), k=3) == [[]]


@pytest.mark.parametrize(
    ("queries", "k", "reason"),
    [
        (np.ones((1, DIMENSION + 1)), 1, "expected"),
        (np.ones((1, 1, DIMENSION)), 1, "expected"),
        (np.full((1, DIMENSION), np.nan), 1, "finite"),
        (np.ones((1, DIMENSION)), 0, "at least 1"),
    ],
)
def test_bad_queries(tmp_path: Path, queries: np.ndarray, k: int, reason: str) -> None:
    made(tmp_path, "ab")
    with pytest.raises(InputError, match=reason):
        Index.open(tmp_path).search(queries, k=k)


def test_scan_is_that_of_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    starts = np.cumsum([0, *generator.integers(1, 9, 40)])
    vectors = unit(generator, int(starts[-1]))
    query = unit(generator, 1)[0]
    for block in (1, 10, 1000):
        monkeypatch.setattr("crossmodal.retrieval.scan._BLOCK", block)
        for items in (np.arange(40), np.array([0, 7, 39]), np.array([39]), np.zeros(0, np.int64)):
            expected = [max(vectors[starts[i] : starts[i + 1]] @ query) for i in items]
            np.testing.assert_allclose(best_per_item(vectors, starts, items, query), expected, rtol=1e-5)


@pytest.mark.slow
def test_exact_at_200_000_vectors(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    vectors = unit(generator, 200_000, 128)
    queries = unit(generator, 5, 128)
    searcher = ann.build(vectors)
    similarities, rows = searcher.search(queries, 20)
    for query, values, found in zip(queries, similarities, rows, strict=True):
        expected = np.argsort(-(vectors @ query))[:20]
        assert found.tolist() == expected.tolist()
        np.testing.assert_allclose(values, vectors[expected] @ query, rtol=1e-5)
    starts = np.arange(200_001)
    for query in queries:
        np.testing.assert_allclose(
            best_per_item(vectors, starts, np.arange(200_000), query), vectors @ query, atol=1e-6
        )


def test_inverted_file_finds_nearly_all(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    centres = unit(generator, 50, 16)
    vectors = centres[generator.integers(0, 50, 20_000)] + 0.3 * unit(generator, 20_000, 16)
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    searcher = ann.build(vectors, exact_limit=1000)
    record = ann.save(searcher, tmp_path / "ann.faiss")
    loaded = ann.load(tmp_path, record, count=len(vectors))
    assert loaded is not None
    queries = vectors[:50]
    _, rows = loaded.search(queries, 10)
    recall = [
        len(set(found) & set(np.argsort(-(vectors @ query))[:10].tolist())) / 10
        for query, found in zip(queries, rows.tolist(), strict=True)
    ]
    assert np.mean(recall) > 0.95


def test_search_through_an_inverted_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ann, "EXACT_LIMIT", 100)
    vectors = made(tmp_path, "abcdefghijklmnopqrstuvwxyz", vectors_each=40)
    index = Index.open(tmp_path)
    for name in "amz":
        (hits,) = index.search(vectors[name][7], k=3)
        assert hits[0].item.id == name
        assert hits[0].similarity == pytest.approx(1.0, abs=1e-5)
    (hits,) = index.search(vectors["a"][0], k=100)
    assert len(hits) == 26
