"""The head that is fitted."""

from __future__ import annotations

import pytest
import torch

from crossmodal.base.errors import InputError
from crossmodal.embedding import TowerModule
from encoders.cca import Canonical
from encoders.labels import Labels


def test_it_is_the_identity_until_it_is_fitted_and_no_optimizer_sees_it() -> None:
    head, vectors = Canonical(4), torch.randn(3, 4)
    torch.testing.assert_close(head(vectors), vectors)
    assert not list(head.parameters()) and set(head.state_dict()) == {"mean", "matrix"}


def test_it_projects() -> None:
    head, vectors = Canonical(3), torch.randn(5, 3)
    mean, matrix = torch.randn(3), torch.randn(3, 3)
    head.set_projection(mean, matrix)
    torch.testing.assert_close(head(vectors), torch.stack([(v - mean) @ matrix for v in vectors]))
    again = Canonical(3)
    again.load_state_dict(head.state_dict())
    torch.testing.assert_close(again(vectors), head(vectors))
    with torch.autocast("cpu", torch.bfloat16):
        assert head(vectors.bfloat16()).dtype == torch.float32


@pytest.mark.parametrize(
    ("mean", "matrix", "part"),
    [
        (torch.zeros(2), torch.eye(3), r"\(3,\)"),
        (torch.zeros(3), torch.eye(4), r"\(3, 3\)"),
        (torch.full((3,), torch.nan), torch.eye(3), "finite"),
        (torch.zeros(3), torch.eye(3) * torch.inf, "finite"),
    ],
)
def test_what_is_no_projection_is_refused_and_changes_nothing(
    mean: torch.Tensor, matrix: torch.Tensor, part: str
) -> None:
    head = Canonical(3)
    with pytest.raises(InputError, match=part):
        head.set_projection(mean, matrix)
    torch.testing.assert_close(head(torch.ones(1, 3)), torch.ones(1, 3))


def test_a_tower_with_it_knows_its_width() -> None:
    tower = TowerModule(Labels(names=["a", "b"], dimension=7), Canonical(7))
    assert tower.dimension == 7
