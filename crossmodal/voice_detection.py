"""Judging voice detection on real singers (MIR-1K or other stems): does a window of a recording hold singing, and does a whole clip?

Protocol: of every clip the mix (voice and own accompaniment at 0 dB) against the accompaniment alone, and, since a microphone's noise would
tell a mix as well, against the accompaniment with what that microphone heard between the phrases. A detector is a logistic regression
over the features of windows of 3 s, learned on one half of the singers and judged on the other; a clip has the mean logit of its windows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa
from crossmodal.base.progress import progress
from crossmodal.base.results import ScoreRow
from crossmodal.calibration import Calibration, fit_calibration
from crossmodal.fluctuation import RATE, SECONDS, fluctuations
from crossmodal.metrics.bootstrap import bootstrap_function
from crossmodal.metrics.tagging import tag_wise_roc_auc
from crossmodal.space import Space
from encoders.encoder import AudioEncoder
from pairs.source import Item
from pairs.stems import Stem, backing_of, read_stems
from pairs.vocal_mix import singer_of
from pairs.vocal_mixing import equal_power, mix

SUNG, WITHOUT, HISS = "mix", "accompaniment", "accompaniment and microphone"
KINDS = (SUNG, WITHOUT, HISS)
_COEFFICIENTS = 20
_SILENT = 0.05  # of the loud moments' level: where a voice does not sing
_FADE_SECONDS = 0.02
Samples = NDArray[np.float32]
Describe = Callable[[Samples], NDArray[np.floating]]


@dataclass(frozen=True)
class Windows:
    """features (n, f) of windows; clip (n,): number of the recording; kind, singer (recordings,): of each recording."""

    features: NDArray[np.floating]
    clip: NDArray[np.intp]
    kind: NDArray[np.str_]
    singer: NDArray[np.str_]

    def of_singers(self, names: Sequence[str]) -> Windows:
        """The recordings of some singers, counted anew."""
        kept = np.isin(self.singer, list(names))
        rows = kept[self.clip]
        return Windows(self.features[rows], (np.cumsum(kept) - 1)[self.clip[rows]], self.kind[kept], self.singer[kept])


def recordings(folder: Path, *, rate: int) -> Iterator[tuple[Stem, dict[str, Samples]]]:
    """Every stem with its sounds by kind, (n,) at one rate."""
    for stem in read_stems(folder):
        voice, backing = decode(stem.voice, sample_rate=rate), backing_of(stem, sample_rate=rate)
        size = min(len(voice), len(backing))
        voice, backing = voice[:size], backing[:size]
        levels = [float(np.sqrt(np.mean(np.square(part, dtype=np.float64)))) for part in (voice, backing)]
        hiss = between_phrases(voice, rate) * np.float32(levels[1] / max(levels[0], 1e-9))
        yield stem, {
            SUNG: equal_power(mix(voice, backing, decibels=0.0)[0]), WITHOUT: equal_power(backing), HISS: equal_power(backing + hiss),
        }  # fmt: skip


def between_phrases(voice: Samples, rate: int) -> Samples:
    """What the microphone of a voice (n,) hears where nobody sings, over and over, (n,); silence where there is no such moment."""
    step = rate // 20
    if len(voice) < 2 * step:
        return np.zeros_like(voice)
    blocks = voice[: len(voice) // step * step].reshape(-1, step)
    level = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
    quiet = blocks[level < _SILENT * np.percentile(level, 98)]
    if not len(quiet):
        return np.zeros_like(voice)
    ramp = np.minimum(1.0, np.arange(step) / (_FADE_SECONDS * rate))  # no clicks where the pieces meet
    return np.resize(quiet * (ramp * ramp[::-1]).astype(np.float32), len(voice)).astype(np.float32)


def described(folder: Path, describe: Describe, *, rate: int, quiet: bool = False) -> Windows:
    """Features of all windows of real recordings. describe: samples at `rate` -> (windows, f)."""
    sounds = (
        (stem.singer, kind, made) for stem, kinds in recordings(folder, rate=rate) for kind, made in kinds.items()
    )
    return _described(progress(sounds, "real voices", quiet=quiet), describe)


def described_items(items: Sequence[Item], describe: Describe, *, rate: int, quiet: bool = False) -> Windows:
    """The same of a catalogue's items that keep their accompaniment. Raises InputError where there are none."""
    columns = (("mix", SUNG), ("backing", WITHOUT))
    having = [item for item in items if all(column in item.files for column, _ in columns)]
    if not having:
        raise InputError(f"expected items with files in the columns mix and backing, got none of {len(items)}")
    sounds = (
        (singer_of(item), kind, decode(item.files[column], sample_rate=rate))
        for item in having
        for column, kind in columns
    )
    return _described(progress(sounds, "a catalogue's voices", quiet=quiet), describe)


def _described(sounds: Iterable[tuple[str, str, Samples]], describe: Describe) -> Windows:
    features: list[NDArray[np.floating]] = []
    clip: list[int] = []
    kinds: list[str] = []
    singers: list[str] = []
    for singer, kind, samples in sounds:
        rows = describe(samples)
        features.append(rows)
        clip += [len(kinds)] * len(rows)
        kinds.append(kind)
        singers.append(singer)
    return Windows(np.concatenate(features), np.array(clip), np.array(kinds), np.array(singers))


def by_space(space: Space, modality: str = "mix") -> tuple[Describe, int]:
    """The vectors of a tower's windows, and the rate that it wants."""
    encoder = space.encoder(modality)
    assert isinstance(encoder, AudioEncoder)
    return lambda samples: space.sequence(modality, samples).vectors.numpy(), encoder.sample_rate


def by_fluctuation() -> tuple[Describe, int]:
    """How pitches move in windows of 3 s (`crossmodal.fluctuation`), (windows, features)."""
    return lambda samples: fluctuations(samples, _starts(len(samples), RATE) + SECONDS / 2), RATE


def _starts(count: int, rate: int) -> NDArray[np.float64]:
    """Seconds at which the windows of a recording of so many samples begin: each overlaps the next by half."""
    return np.arange(0.0, max(count / rate - SECONDS, 0.0) + 1e-9, SECONDS / 2)


def by_mfcc(rate: int = RATE) -> tuple[Describe, int]:
    """The baseline: mean and deviation of 20 MFCC and deviation of their changes over windows of 3 s, (windows, 60)."""
    librosa = load_librosa()

    def describe(samples: Samples) -> NDArray[np.floating]:
        rows = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=_COEFFICIENTS, n_fft=1024, hop_length=512)
        size = round(SECONDS * rate / 512)
        firsts = np.round(_starts(len(samples), rate) * rate / 512).astype(int)
        parts = [rows[:, first : first + size] for first in firsts]
        return np.stack(
            [np.concatenate([p.mean(axis=1), p.std(axis=1), np.diff(p, axis=1).std(axis=1)]) for p in parts]
        )

    return describe, rate


def halves(windows: Windows, *, seed: int = 0) -> tuple[list[str], list[str]]:
    """Singers to learn from and singers to judge, drawn. Raises InputError where there are fewer than 2."""
    names = np.unique(windows.singer)
    if len(names) < 2:
        raise InputError(f"expected at least 2 singers to part, got {len(names)}")
    drawn = np.random.default_rng(seed).permutation(names)
    return sorted(drawn[: len(drawn) // 2].tolist()), sorted(drawn[len(drawn) // 2 :].tolist())


def learned(windows: Windows, *, data: str = "") -> Calibration:
    """A detector of singing from windows of all kinds; mixes count as often as it takes for both answers to be about as frequent."""
    sung = (windows.kind == SUNG)[windows.clip]
    times = max(1, round(int((~sung).sum()) / max(int(sung.sum()), 1)))
    rows = np.concatenate([np.tile(np.flatnonzero(sung), times - 1), np.arange(len(sung))])
    names = [f"feature {number}" for number in range(windows.features.shape[1])]
    return fit_calibration(windows.features[rows], sung[rows], features=names, data=data)


def judged(windows: Windows, detector: Calibration, name: str, *, seed: int = 0) -> list[ScoreRow]:
    """ROC-AUC of mixes against each kind without voice, over windows and over clips; intervals resample singers."""
    logits = windows.features @ np.array(detector.weights) + detector.bias
    counts = np.bincount(windows.clip, minlength=len(windows.kind))
    whole = np.bincount(windows.clip, weights=logits, minlength=len(windows.kind)) / np.maximum(counts, 1)
    found = []
    for against in (WITHOUT, HISS):
        for unit, scores, kind, singer in (
            ("windows", logits, windows.kind[windows.clip], windows.singer[windows.clip]), ("clips", whole, windows.kind, windows.singer),
        ):  # fmt: skip
            rows = np.isin(kind, (SUNG, against))
            found.append(
                _row(f"{name}, {unit}, against {against}", scores[rows], (kind == SUNG)[rows], singer[rows], seed)
            )
    return found


def _row(
    metric: str, scores: NDArray[np.floating], sung: NDArray[np.bool_], singer: NDArray[np.str_], seed: int
) -> ScoreRow:
    def area(rows: NDArray[np.intp]) -> float:
        return float(tag_wise_roc_auc(scores[rows, None], sung[rows, None])[0])

    found = bootstrap_function(area, len(scores), np.unique(singer, return_inverse=True)[1], seed=seed)
    return ScoreRow(
        metric=f"{metric} ROC-AUC", value=found.value, low=found.low, high=found.high, chance=0.5, n=len(scores)
    )
