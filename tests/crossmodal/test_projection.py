"""Places on a map: what is near in the space is near there, few items have places too, and all is the same again."""

from __future__ import annotations

import numpy as np
import pytest

from crossmodal.projection import Method, project


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    """Thirty unit vectors in three groups of ten."""
    generator = np.random.default_rng(0)
    centres = generator.normal(size=(3, 12)) * 5
    made = (centres[np.repeat([0, 1, 2], 10)] + 0.1 * generator.normal(size=(30, 12))).astype(np.float32)
    return np.asarray(made / np.linalg.norm(made, axis=1, keepdims=True), np.float32)


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
def test_what_is_near_in_the_space_is_near_on_the_map(method: Method, vectors: np.ndarray) -> None:
    places = project(vectors, method=method)
    distance = np.linalg.norm(places[:, None] - places[None], axis=-1)
    same = np.repeat([0, 1, 2], 10)[:, None] == np.repeat([0, 1, 2], 10)[None]
    assert places.shape == (30, 2) and distance[same].max() < distance[~same].min()
    assert places.min() == 0 and places.max() == 1
    assert np.array_equal(places, project(vectors, method=method))


@pytest.mark.parametrize("method", ["PCA", "t-SNE"])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_few_items_have_places_too(method: Method, count: int) -> None:
    places = project(np.eye(4, dtype=np.float32)[:count], method=method)
    assert places.shape == (count, 2) and np.isfinite(places).all()


def test_equal_vectors_and_those_of_one_dimension_have_places() -> None:
    assert np.isfinite(project(np.ones((5, 3), np.float32))).all()
    assert project(np.arange(1, 6, dtype=np.float32)[:, None]).shape == (5, 2)
