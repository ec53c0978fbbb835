"""Augmentation of pictures: drawn from the generator alone, within range, and nothing where nothing is asked for."""

from __future__ import annotations

import pytest
import torch

from crossmodal.base.errors import RecipeError
from crossmodal.picture_augmentation import PictureAugmentation, Recolour, Reframe
from encoders.covers import Covers

ENCODER = Covers(stages=1, size=32)
PICTURES = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def draw(augmentation: PictureAugmentation, seed: int = 1) -> torch.Tensor:
    found: torch.Tensor = augmentation(PICTURES, torch.Generator().manual_seed(seed))
    return found


@pytest.mark.parametrize("kind", [Reframe, Recolour])
def test_is_drawn_from_the_generator(kind: type[PictureAugmentation]) -> None:
    made = kind(encoder=ENCODER)
    assert made.modality == "image"
    first = draw(made)
    assert first.shape == PICTURES.shape and first.min() >= 0 and first.max() <= 255
    torch.testing.assert_close(first, draw(made))
    assert (first - draw(made, seed=2)).abs().mean() > 1


def test_nothing_asked_for_is_nothing_done() -> None:
    still = Reframe(encoder=ENCODER, smallest=1.0, stretch=1.0, mirror=0.0)
    torch.testing.assert_close(draw(still), PICTURES.float(), atol=1e-2, rtol=0)
    plain = Recolour(encoder=ENCODER, brightness=0.0, contrast=0.0, saturation=0.0)
    torch.testing.assert_close(draw(plain), PICTURES.float(), atol=1e-2, rtol=0)


def test_a_mirror_turns_left_to_right() -> None:
    mirrored = draw(Reframe(encoder=ENCODER, smallest=1.0, stretch=1.0, mirror=1.0))
    torch.testing.assert_close(mirrored, PICTURES.float().flip(-1), atol=1e-2, rtol=0)


def test_a_crop_is_a_part_of_the_picture() -> None:
    ramp = torch.arange(32.0)[None, None, None, :].expand(5, 3, 32, 32)
    cropped = Reframe(encoder=ENCODER, smallest=0.5, stretch=1.0, mirror=0.0)(ramp, torch.Generator().manual_seed(0))
    span = cropped.amax(dim=(1, 2, 3)) - cropped.amin(dim=(1, 2, 3))
    assert (span >= 14).all() and (span < 31).any()


def test_grey_has_one_value_a_pixel() -> None:
    grey = draw(Recolour(encoder=ENCODER, brightness=0.0, contrast=0.0, grey=1.0))
    torch.testing.assert_close(grey[:, 0], grey[:, 2], atol=0.1, rtol=0)


def test_impossible_arguments_are_refused() -> None:
    with pytest.raises(RecipeError, match="reframe"):
        Reframe(encoder=ENCODER, smallest=0.0)
    with pytest.raises(RecipeError, match="recolour"):
        Recolour(encoder=ENCODER, contrast=2.0)
