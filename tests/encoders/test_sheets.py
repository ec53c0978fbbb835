"""Encoders of sheet music: what they look at, one vector a step, and how far each one sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import BAND, WHOLE, Strip, System
from encoders.encoder import Anchored, central
from encoders.sheets import SheetContext, SheetEncoder, SheetVgg, around, outer_bands

from .lively import lively


def context() -> SheetContext:
    torch.manual_seed(0)
    return lively(SheetContext(channels=(3, 4, 6), width=8, radius=3))


def snippets(*, rows: int = WHOLE, columns: int = 40) -> SheetVgg:
    torch.manual_seed(0)
    return lively(SheetVgg(channels=(2, 3), rows=rows, columns=columns, dimension=5))


def strip(width: int, *, staves: int = 2, seed: int = 0) -> Strip:
    generator = np.random.default_rng(seed)
    bands = generator.integers(0, 256, (staves, BAND, width), dtype=np.uint8)
    whole = generator.integers(0, 256, (WHOLE, width), dtype=np.uint8)
    return Strip(System(0, 0, ()), bands, whole, 0.0, 1.0)


def windows_of(encoder: SheetEncoder, width: int, count: int = 2) -> torch.Tensor:
    return torch.stack([encoder.image(strip(width, seed=n)) for n in range(count)])


BOTH = pytest.mark.parametrize("encoder", [context(), snippets()], ids=["context", "vgg"])


def test_ink_is_one_and_paper_zero() -> None:
    found = outer_bands(strip(30, staves=3).bands)
    bands = strip(30, staves=3).bands
    assert found.shape == (2, BAND, 30) and found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), 1 - bands[[0, 2]] / 255.0, atol=1e-6)
    lone = outer_bands(strip(30, staves=1).bands)
    assert lone[0].max() > 0.9 and lone[1].abs().max() == 0, "blank paper below a lone staff"


@pytest.mark.parametrize(("rows", "above", "below"), [(WHOLE, 0, 0), (WHOLE + 20, 10, 10), (WHOLE + 5, 2, 3)])
def test_snippets_show_the_whole_system(rows: int, above: int, below: int) -> None:
    found = snippets(rows=rows).image(strip(30))
    assert found.shape == (rows, 30)
    np.testing.assert_allclose(found[above : rows - below], 1 - strip(30).whole / 255.0, atol=1e-6)
    assert found[:above].sum() == 0 and found[rows - below :].sum() == 0


@BOTH
@pytest.mark.parametrize("width", [1, 40, 87])
def test_one_vector_for_every_step(encoder: SheetEncoder, width: int) -> None:
    with torch.inference_mode():
        found = encoder.along(windows_of(encoder, width))
    assert found.shape == (2, -(-width // encoder.step), encoder.dimension) and found.isfinite().all()


@BOTH
def test_an_anchor_at_a_step_is_the_step(encoder: SheetEncoder) -> None:
    windows = windows_of(encoder, 160)
    anchors = torch.tensor([[0, 3, 15], [7, 1, 9]]) * encoder.step
    with torch.inference_mode():
        along = encoder.along(windows)
        found = encoder(Anchored(windows, anchors))
    expected = torch.stack([along[n, a // encoder.step] for n in range(2) for a in anchors[n]])
    assert found.shape == (6, encoder.dimension)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@BOTH
def test_windows_alone_are_read_at_their_centres(encoder: SheetEncoder) -> None:
    windows = windows_of(encoder, 160)
    assert central(windows).anchors.tolist() == [[80], [80]]
    with torch.inference_mode():
        torch.testing.assert_close(encoder(windows), encoder(Anchored(windows, torch.tensor([[80], [80]]))))


@BOTH
def test_nothing_is_seen_beyond_the_reach(encoder: SheetEncoder) -> None:
    width = 2 * encoder.reach + 12 * encoder.step
    width -= width % encoder.step
    windows = windows_of(encoder, width, count=1)
    step = width // encoder.step // 2
    place = step * encoder.step
    far, near = windows.clone(), windows.clone()
    far[..., : place - encoder.reach] = torch.rand_like(far[..., : place - encoder.reach])
    far[..., place + encoder.step + encoder.reach :] = 0
    near[..., place - encoder.reach // 2 : place] = 1 - near[..., place - encoder.reach // 2 : place]
    with torch.inference_mode():
        before = encoder.along(windows)[0, step]
        torch.testing.assert_close(encoder.along(far)[0, step], before, rtol=1e-5, atol=1e-6)
        assert (encoder.along(near)[0, step] - before).norm() > 1e-4


@BOTH
def test_blank_paper_at_the_end_changes_nothing_that_is_a_reach_away(encoder: SheetEncoder) -> None:
    width = 2 * encoder.reach + 16 * encoder.step
    windows = windows_of(encoder, width - width % encoder.step)
    padded = torch.nn.functional.pad(windows, (0, 96))
    with torch.inference_mode():
        short, long = encoder.along(windows), encoder.along(padded)
    same = short.shape[1] - encoder.reach // encoder.step - 1
    assert same > 8
    torch.testing.assert_close(short[:, :same], long[:, :same], rtol=1e-4, atol=1e-5)


def test_a_snippet_at_the_end_is_a_snippet_before_blank_paper() -> None:
    encoder = snippets()
    windows = windows_of(encoder, 90)
    with torch.inference_mode():
        short = encoder.along(windows)
        long = encoder.along(torch.nn.functional.pad(windows, (0, 70)))
    torch.testing.assert_close(short, long[:, : short.shape[1]], rtol=1e-4, atol=1e-5)


def test_around_cuts_windows_centred_on_the_anchors() -> None:
    windows = torch.arange(1.0, 11).expand(2, 3, 10)
    found = around(Anchored(windows, torch.tensor([[0, 5], [9, 2]])), 4)
    assert found.shape == (4, 3, 4)
    assert found[:, 0].tolist() == [[0, 0, 1, 2], [4, 5, 6, 7], [8, 9, 10, 0], [1, 2, 3, 4]]


@BOTH
def test_a_strip_is_prepared_as_one_system(encoder: SheetEncoder) -> None:
    prepared = encoder.prepare(strip(50))
    assert len(prepared) == 1 and prepared[0].shape[-1] == 50
    torch.testing.assert_close(prepared[0], encoder.image(strip(50)))


@BOTH
@pytest.mark.parametrize("item", [None, 3.5, np.zeros((4, 4))])
def test_what_is_no_sheet_is_refused(encoder: SheetEncoder, item: object) -> None:
    with pytest.raises(InputError, match="a file of pages or a straightened system"):
        encoder.prepare(item)


def test_a_page_without_staves_is_refused(tmp_path: Path) -> None:
    import cv2

    path = tmp_path / "blank.png"
    cv2.imwrite(str(path), np.full((400, 300), 255, np.uint8))
    with pytest.raises(InputError, match=r"staff|stave|system"):
        context().prepare(path)


def test_the_published_snippet_network_halves_its_input() -> None:
    encoder = SheetVgg()
    assert (encoder.rows, encoder.window, encoder.dimension) == (160, 200, 32)
    convolutions = [m for m in encoder.network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.out_channels for c in convolutions] == [24, 24, 48, 48, 96, 96, 96, 96, 32]
    assert [c.kernel_size for c in convolutions] == [(3, 3)] * 8 + [(1, 1)]
    seen: list[torch.Size] = []
    convolutions[0].register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape))
    with torch.inference_mode():
        assert encoder.eval()(torch.rand(1, 160, 200)).shape == (1, 32)
    assert seen == [torch.Size([1, 1, 80, 100])]
