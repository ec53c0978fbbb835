"""Moments of recordings and the places on the page where they stand: pairs of audio excerpts and snippets of sheet music."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.errors import InputError
from crossmodal.pages.layout import Strip
from pairs.page_augmentation import weather_strip
from pairs.sheet_music import SheetMusic, read_sheet
from pairs.source import AudioPlaces, Example, Item, PairSource, SheetPlaces

LOWEST, KEYS = 21, 88  # the piano's
_CHORD_QUARTERS = 1e-3


class AudioSheetPairs(PairSource):
    """Several moments of a short stretch of each item: hard negatives of one another, since key, clef and texture are the same.

    Items have an "audio" and a "sheet" file (see `pairs.sheet_music`). anchors: moments an example; columns, seconds: of the
    stretches around them; spacing: least columns between two moments; weather: strength of the damage to print, 0 to 1; neighbours:
    the labels say which keys begin at the moment and at so many moments before and after it ("+0:60"), which both sides can learn
    alone; views: 2 gives every side a second time, damaged in another way, for self-supervised learning on each side alone.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        anchors: int = 12,
        columns: int = 480,
        seconds: float = 14.0,
        spacing: float = 20.0,
        weather: float = 1.0,
        neighbours: int = 3,
        views: int = 1,
    ) -> None:
        usable = [item for item in items if {"audio", "sheet"} <= set(item.files)]
        if items and not usable:
            raise InputError(
                'expected items with an audio and a sheet file, got none; check the columns "audio" and "sheet"'
            )
        super().__init__(usable)
        self.anchors, self.columns, self.seconds, self.spacing = anchors, columns, seconds, spacing
        self.weather, self.neighbours, self.views = weather, neighbours, views
        self._read = lru_cache(maxsize=100_000)(_load)  # notes are small; images stay on disk

    def classes(self) -> list[str]:
        """Keys at the moments before, at and after: "-1:60", "+0:60", "+1:60"."""
        places = range(-self.neighbours, self.neighbours + 1)
        return [f"{place:+d}:{key}" for place in places for key in range(LOWEST, LOWEST + KEYS)]

    def draw(self, index: int, generator: np.random.Generator) -> Example:
        """Slots: sheet, audio (with views: sheet@2, audio@2); label; each moment is its own group."""
        sheet, moments = self._read(self.items[index].files["sheet"])
        start, end, rows = self._stretch(sheet, moments, generator)
        crop = sheet.crop(start, end)
        chosen = generator.choice(rows, size=self.anchors, replace=len(rows) < self.anchors)
        inputs: dict[str, object] = {}
        for view in range(self.views):
            mark = f"@{view + 1}" if view else ""
            inputs[f"sheet{mark}"] = self._weathered(crop, moments.column[chosen] - start, generator)
            inputs[f"audio{mark}"] = self._excerpt(index, moments.seconds[chosen], generator)
        inputs["label"] = self._keys(moments, chosen)
        return Example(index, inputs, group=index * 1_000_000 + chosen)

    def _stretch(
        self, sheet: SheetMusic, moments: _Moments, generator: np.random.Generator
    ) -> tuple[int, int, NDArray[np.int64]]:
        """First and last column of a stretch around a random moment, and the moments in it that also fit into the sound."""
        centre = int(generator.integers(len(moments.column)))
        system = int(np.searchsorted(sheet.ends, moments.column[centre], side="right"))
        left = int(sheet.ends[system - 1]) if system else 0
        right = int(sheet.ends[system])
        start = int(moments.column[centre] - generator.uniform(0.2, 0.8) * self.columns)
        start = max(left, min(start, right - self.columns))
        end = min(right, start + self.columns)
        half = self.seconds / 2 - 0.5
        near = np.abs(moments.seconds - moments.seconds[centre]) <= half
        rows = np.flatnonzero(near & (moments.column >= start) & (moments.column < end))
        generator.shuffle(rows)
        kept: list[int] = [centre]
        for row in rows:
            if np.min(np.abs(moments.column[row] - moments.column[kept])) >= self.spacing:
                kept.append(int(row))
        return start, end, np.array(kept)

    def _weathered(self, crop: Strip, columns: NDArray[np.float64], generator: np.random.Generator) -> SheetPlaces:
        if not self.weather:
            return SheetPlaces(crop, columns)
        joined = np.concatenate([crop.bands, crop.whole.reshape(2, -1, crop.width)])
        bands, to_new = weather_strip(joined, generator, strength=self.weather)
        whole = bands[2:].reshape(-1, bands.shape[-1])
        return SheetPlaces(Strip(crop.system, bands[:2], whole, 0.0, 1.0), np.asarray(to_new(columns)))

    def _excerpt(self, index: int, seconds: NDArray[np.float64], generator: np.random.Generator) -> AudioPlaces:
        middle = (float(seconds.min()) + float(seconds.max())) / 2
        spare = self.seconds - (float(seconds.max()) - float(seconds.min()))
        start = middle - self.seconds / 2 + float(generator.uniform(-0.25, 0.25)) * spare
        return AudioPlaces(index, start, self.seconds, seconds)

    def _keys(self, moments: _Moments, chosen: NDArray[np.int64]) -> NDArray[np.bool_]:
        span = np.arange(-self.neighbours, self.neighbours + 1)
        places = chosen[:, None] + span
        inside = (places >= 0) & (places < len(moments.keys))
        keys = moments.keys[places.clip(0, len(moments.keys) - 1)] & inside[..., None]
        return keys.reshape(len(chosen), -1)


class _Moments:
    """Where notes begin together. column, seconds: (m,); keys: (m, KEYS) which of the piano's keys."""

    def __init__(self, sheet: SheetMusic) -> None:
        new = np.diff(sheet.quarters, prepend=-np.inf) > _CHORD_QUARTERS
        first = np.flatnonzero(new)
        number = np.cumsum(new) - 1
        self.column = np.array([np.median(part) for part in np.split(sheet.column, first[1:])])
        self.seconds = sheet.seconds[first]
        self.keys = np.zeros((len(first), KEYS), bool)
        self.keys[number, np.clip(sheet.pitch - LOWEST, 0, KEYS - 1)] = True


def _load(path: Path) -> tuple[SheetMusic, _Moments]:
    sheet = read_sheet(path)
    return sheet, _Moments(sheet)
