"""Models of frames on data of which the answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from crossmodal.base.errors import InputError, RecipeError
from crossmodal.objectives.frame_models import FrameModel, GaussianMixture, KMeans

CENTRES = torch.tensor([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0]])
SHARES = (100, 200, 300)


def blobs() -> Tensor:
    spread = 0.1 * torch.randn(sum(SHARES), 2, generator=torch.Generator().manual_seed(0))
    return torch.cat([c.expand(n, 2) for c, n in zip(CENTRES, SHARES, strict=True)]) + spread


def test_centroids_are_the_middles_of_what_there_is() -> None:
    found = KMeans().fit(blobs(), 3)
    places = found["centroids"] * found["deviation"] + found["mean"]
    assert float(torch.cdist(CENTRES, places).min(dim=1).values.max()) < 0.1
    torch.testing.assert_close(found["mean"], blobs().mean(dim=0))


def test_a_mixture_knows_how_much_and_how_wide() -> None:
    found = GaussianMixture().fit(blobs(), 3)
    order = torch.cdist(CENTRES, found["means"] * found["deviation"] + found["mean"]).argmin(dim=1)
    torch.testing.assert_close(found["weights"][order], torch.tensor(SHARES) / sum(SHARES), rtol=1e-3, atol=1e-3)
    wide = (found["variances"] * found["deviation"].square()).sqrt()
    assert ((wide > 0.05) & (wide < 0.3)).all()  # 0.1, and the floor of the variances


@pytest.mark.parametrize("method", [KMeans(), GaussianMixture()])
def test_the_same_seed_gives_the_same_model(method: FrameModel) -> None:
    first, again = (method.fit(blobs(), 3, seed=1) for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)
    with pytest.raises(InputError, match="expected 4 frames at least for as many kinds, got 3"):
        method.fit(blobs()[:3], 4)


def test_a_number_of_frames_is_positive() -> None:
    with pytest.raises(RecipeError, match="frames"):
        KMeans(frames=0)
