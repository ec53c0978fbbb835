"""What the filters of a network on raw samples listen to: the spectra of inputs that excite them most, found by gradient ascent.

Lee, Park, Kim & Nam, SampleCNN: End-to-End Deep Convolutional Neural Networks Using Very Small Filters for Music Classification, Applied
Sciences 2018, section 5: from 729 random samples; magnitude spectra, sorted by their peak. An input is as long as what one output of a
layer hears, so deep layers take long; of these fewer filters are shown (`shown_filters`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from crossmodal.base.errors import InputError
from crossmodal.base.files import atomic_write
from crossmodal.base.progress import progress
from crossmodal.space import Space
from encoders.waveform import WaveformEncoder

SAMPLES = 729
STEPS = 40
RATE = 0.1  # of the input's deviation, a step
HEIGHT, BAR = 240, 2  # pixels: of a layer's panel, of a filter
FEWEST, MOST = 16, 256  # filters of a layer that are shown
BUDGET = 3 * 2**17  # samples of the inputs of a layer, for filters above the fewest
CHUNK = 2**17  # samples of the inputs that go through the network at once


def shown_filters(channels: int, samples: int) -> int:
    """How many of a layer's filters are shown, whose inputs have so many samples. Of the ten layers of SampleCNN 3^9: all (256 at most) of
    the first six, then 179, 59, 19 and 16.
    """
    return min(channels, MOST, max(FEWEST, BUDGET // samples))


def layer_spectra(encoder: WaveformEncoder, *, seed: int = 0, quiet: bool = False) -> list[NDArray[np.float32]]:
    """For each layer but the last: (filters, bins) magnitude spectra in [0, 1], sorted by their peak; bins from 0 Hz to half the rate."""
    found = []
    layers = encoder.layers()[:-1]
    state = encoder.training
    encoder.eval()
    for depth in range(1, len(layers) + 1):
        label = "" if quiet else f"layer {depth} of {len(layers)}"
        found.append(_spectra(nn.Sequential(*layers[:depth]), encoder.window, seed, label=label))
    encoder.train(state)
    return found


def _spectra(network: nn.Sequential, window: int, seed: int, *, label: str = "") -> NDArray[np.float32]:
    """Spectra of one layer's filters, those that are never excited left out unless all are. label: of the progress, none without it."""
    device = next(network.parameters()).device
    with torch.no_grad():
        made = network(torch.zeros(1, 1, window, device=device))
    size = max(SAMPLES, window // made.shape[2])  # at least one output
    count = shown_filters(made.shape[1], size)
    generator = torch.Generator().manual_seed(seed)
    inputs = (0.1 * torch.randn(count, 1, size, generator=generator)).to(device)
    chunk = max(1, CHUNK // size)
    done = []
    with progress(count, label, quiet=not label) as bar:
        for filters in torch.arange(count, device=device).split(chunk):
            done.append(_ascended(network, inputs[filters], filters))
            bar.advance(len(filters))
    chosen, excited = (torch.cat(parts) for parts in zip(*done, strict=True))
    alive = excited > 0
    chosen = chosen[alive if alive.any() else slice(None), 0]
    spectra = torch.fft.rfft(chosen * torch.hann_window(size, device=device)).abs()
    spectra = (spectra / spectra.amax(dim=1, keepdim=True).clamp_min(1e-12)).cpu()
    order = spectra.argmax(dim=1).argsort(stable=True)
    return spectra[order].numpy()


def _ascended(network: nn.Sequential, inputs: Tensor, filters: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs (n, 1, samples) that excite a filter each (n,) more, and how much they did before the last step (n,)."""
    rows = torch.arange(len(filters), device=inputs.device)
    excited = torch.zeros(len(filters), device=inputs.device)
    inputs = inputs.clone().requires_grad_()
    for _ in range(STEPS):
        excited = network(inputs)[rows, filters].mean(dim=1)
        (gradient,) = torch.autograd.grad(excited.sum(), inputs)
        with torch.no_grad():  # of one length: filters differ in size by orders
            inputs += RATE * 0.1 * gradient / gradient.square().mean(dim=2, keepdim=True).sqrt().clamp_min(1e-12)
    return inputs.detach(), excited.detach()


def write_filters(space: Space, output: Path, *, seed: int = 0, quiet: bool = False) -> list[int]:
    """Draws the spectra of all layers side by side, low frequencies at the bottom; returns how many filters each shows. InputError for a
    space without a tower of raw samples.
    """
    encoders = {m: space.encoder(m) for m in space.embedding.recordings}
    chosen = next((encoder for encoder in encoders.values() if isinstance(encoder, WaveformEncoder)), None)
    if chosen is None:
        raise InputError(
            f"expected a space with a tower of raw samples (recipes sample-cnn, re-se-2-multi, clmr), got {space.name}: "
            f"{', '.join(f'{m} is {type(e).__name__}' for m, e in encoders.items()) or 'no recordings'}"
        )
    spectra = layer_spectra(chosen, seed=seed, quiet=quiet)
    _draw(spectra, chosen.sample_rate, output)
    return [len(rows) for rows in spectra]


def _draw(spectra: list[NDArray[np.float32]], rate: int, output: Path) -> None:
    from PIL import Image, ImageDraw

    left, gap, top, bottom = 62, 16, 28, 20
    panels = [_panel(rows) for rows in spectra]
    width = left + sum(panel.shape[1] + gap for panel in panels)
    page = Image.new("RGB", (max(width, 460), top + HEIGHT + bottom), "white")
    pen = ImageDraw.Draw(page)
    pen.text((left, 2), "Spectra that excite the filters of each layer most, sorted by their peak", fill="black")
    for hertz in range(0, rate // 2 + 1, 2000):
        y = top + HEIGHT - 1 - round(hertz / (rate / 2) * (HEIGHT - 1))
        pen.text((4, y - 6), f"{hertz / 1000:g} kHz", fill="black")
        pen.line((left - 6, y, left - 2, y), fill="black")
    x = left
    for number, panel in enumerate(panels, start=1):
        page.paste(Image.fromarray(panel), (x, top))
        pen.text((x, top + HEIGHT + 4), f"{number}", fill="black")
        x += panel.shape[1] + gap
    with atomic_write(output) as temporary:
        page.save(temporary, format="PNG")


def _panel(rows: NDArray[np.float32]) -> NDArray[np.uint8]:
    """(filters, bins) in [0, 1] -> (HEIGHT, width, 3), dark where a filter listens, high frequencies on top."""
    places = np.linspace(0, rows.shape[1] - 1, HEIGHT)[::-1]
    scaled = np.stack([np.interp(places, np.arange(rows.shape[1]), row) for row in rows], axis=1)
    shade = (255 * (1 - scaled)).astype(np.uint8).repeat(BAR, axis=1)
    return np.stack([shade, shade, np.maximum(shade, 90)], axis=2)
