"""Pages and systems in the rows of an index, and the nearest vectors of some of its items."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crossmodal.base.errors import InputError
from crossmodal.base.files import sha256_file
from crossmodal.retrieval import ann
from crossmodal.retrieval.header import FileRecord, read_header, write_header
from crossmodal.retrieval.index import Index
from tests.crossmodal.retrieval.making import DIMENSION, item, made, unit, writer


def test_places_survive_staging_commits_and_renaming(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    places = {name: generator.integers(1, 9, (5, 2)).astype(np.int32) for name in "ab"}
    vectors = unit(generator, 5)
    with writer(tmp_path) as one:
        one.add(item("a"), vectors, np.arange(5), places=places["a"])
        one.add(item("plain"), vectors, np.arange(5))
        one.flush()  # and no commit: the next writer takes it up
    with writer(tmp_path) as one:
        one.add(item("b"), vectors, np.arange(5), places=places["b"])
        one.commit()
    with writer(tmp_path) as one:
        one.revise({"a": item("z")})
        one.commit()
    index = Index.open(tmp_path)
    found = {i.id: index.places[index.starts[row] : index.starts[row + 1]] for row, i in enumerate(index.items)}
    assert set(found) == {"z", "b", "plain"}
    np.testing.assert_array_equal(found["z"], places["a"])
    np.testing.assert_array_equal(found["b"], places["b"])
    assert not found["plain"].any()


def test_an_index_from_before_there_were_places_opens(tmp_path: Path) -> None:
    made(tmp_path, "abc")
    header = read_header(tmp_path)
    path = tmp_path / header.files["rows"].name
    pq.write_table(pq.read_table(path).drop(["page", "system"]), path)
    rows = FileRecord(name=path.name, sha256=sha256_file(path))
    write_header(tmp_path, header.model_copy(update={"files": {**header.files, "rows": rows}}))
    index = Index.open(tmp_path)
    assert index.places.shape == (9, 2) and not index.places.any()
    assert isinstance(pq.read_table(path), pa.Table) and "page" not in pq.read_table(path).column_names


def test_places_must_fit_their_vectors(tmp_path: Path) -> None:
    with writer(tmp_path) as one, pytest.raises(InputError, match="places"):
        one.add(item("a"), unit(np.random.default_rng(0), 3), places=np.ones((2, 2), np.int32))


@pytest.mark.parametrize("allowed", [None, "ace", "b"])
@pytest.mark.parametrize("exact_limit", [10_000, 0])
def test_nearest_vectors_are_those_of_a_loop(tmp_path: Path, allowed: str | None, exact_limit: int) -> None:
    vectors = made(tmp_path, "abcdef", vectors_each=40)
    index = Index.open(tmp_path)
    whole = np.concatenate(list(vectors.values()))
    index._searcher = ann.build(whole, exact_limit=exact_limit)
    if isinstance(index._searcher, faiss.IndexIVF):
        index._searcher.nprobe = 1000  # all cells: what is found is then exact
    assert isinstance(index._searcher, faiss.IndexIVF) == (exact_limit == 0)
    names = np.array([i.id for i in index.items])
    mask = None if allowed is None else np.isin(names, list(allowed))
    queries = unit(np.random.default_rng(3), 4)
    similarities, owners = index.nearest(queries, k=7, items=mask)
    for query, values, rows in zip(queries, similarities, owners, strict=True):
        pairs = [
            (float(vector @ query), name)
            for name, many in vectors.items()
            if allowed is None or name in allowed
            for vector in many
        ]
        expected = sorted(pairs, reverse=True)[:7]
        np.testing.assert_allclose(values, [value for value, _ in expected], rtol=1e-5)
        assert [names[row] for row in rows] == [name for _, name in expected]


def test_fewer_vectors_than_asked_for(tmp_path: Path) -> None:
    made(tmp_path, "ab", vectors_each=2)
    index = Index.open(tmp_path)
    similarities, owners = index.nearest(np.ones((1, DIMENSION)), k=9, items=np.array([False, True]))
    assert (owners[0] >= 0).sum() == 2 and set(owners[0][owners[0] >= 0]) == {1}
    assert (np.diff(similarities[0][:2]) <= 0).all()
    with pytest.raises(InputError, match="at least 1"):
        index.nearest(np.ones((1, DIMENSION)), k=0)
