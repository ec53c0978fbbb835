"""Judging a space of voices on real singers (MIR-1K), and the baseline beside it: mean and deviation of MFCC.

Protocol: every clip is a query; what it may find are clips of other songs (of its own and of all other singers); values are means over
singers. Kinds of recording: mono (the voice), mix (with its own accompaniment at 0 dB), mash (with another singer's, at 0 dB). Vectors are
compared raw, and with each coordinate standardized over the recordings of its kind. Again with a tone control for each song, for on
this set the recording session tells the singer: gains of up to 6 dB at the octaves from 63 Hz, the same for all recordings of a song.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.librosa_import import load_librosa
from crossmodal.base.progress import progress
from crossmodal.evaluation_singers import tower_for
from crossmodal.metrics.singers import Recordings
from crossmodal.space import Space
from encoders.encoder import AudioEncoder
from pairs.stems import Stem, backing_of, read_stems
from pairs.vocal_mixing import mix

KINDS = ("mono", "mix", "mash")
PAIRINGS = tuple((queries, targets) for queries in KINDS for targets in KINDS)
EQUALIZER_DECIBELS = 6.0
_OCTAVES = 62.5 * 2.0 ** np.arange(8)  # hertz, to 8 kHz
_COEFFICIENTS = 20
Samples = NDArray[np.float32]
Describe = Callable[[str, Samples], NDArray[np.floating]]


@dataclass(frozen=True)
class Clip:
    """A stem and its sounds at one rate: kind -> samples (n,)."""

    stem: Stem
    sounds: dict[str, Samples]


def clips(
    folder: Path, *, rate: int, equalized: bool = False, singers: Sequence[str] | None = None, seed: int = 0
) -> Iterator[Clip]:
    """The clips of MIR-1K (or other stems) in the protocol's kinds. singers: only these. Raises InputError where there are none."""
    stems = [stem for stem in read_stems(folder) if singers is None or stem.singer in singers]
    if len({stem.singer for stem in stems}) < 2:
        raise InputError(f"{folder}: expected stems of at least 2 singers, got {len({stem.singer for stem in stems})}")
    generator = np.random.default_rng([seed, 0])
    for stem in stems:
        others = [other for other in stems if other.singer != stem.singer]
        other = others[int(generator.integers(len(others)))]
        voice = decode(stem.voice, sample_rate=rate)
        foreign = np.resize(backing_of(other, sample_rate=rate), len(voice)).astype(np.float32)
        sounds = {
            "mono": voice,
            "mix": mix(voice, backing_of(stem, sample_rate=rate), decibels=0.0)[0],
            "mash": mix(voice, foreign, decibels=0.0)[0],
        }
        if equalized:
            sounds = {kind: equalize(sound, song_gains(stem.song, seed=seed), rate) for kind, sound in sounds.items()}
        yield Clip(stem, sounds)


def song_gains(song: str, *, seed: int) -> NDArray[np.float64]:
    """Decibels (8,) at the octaves, uniform in +-`EQUALIZER_DECIBELS`, by the song's name."""
    digest = hashlib.blake2b(f"{seed}:{song}".encode(), digest_size=8).digest()
    generator = np.random.default_rng(int.from_bytes(digest, "big"))
    return generator.uniform(-EQUALIZER_DECIBELS, EQUALIZER_DECIBELS, len(_OCTAVES))


def equalize(samples: Samples, decibels: NDArray[np.float64], rate: int) -> Samples:
    """Samples (n,) with gains (8,) at the octaves, straight lines between them over the logarithm of the frequency."""
    hertz = np.maximum(np.fft.rfftfreq(len(samples), 1 / rate), 1.0)
    gain = 10 ** (np.interp(np.log2(hertz), np.log2(_OCTAVES), decibels) / 20)
    return np.fft.irfft(np.fft.rfft(samples) * gain, len(samples)).astype(np.float32)


def described(
    folder: Path, describe: Describe, *, rate: int, equalized: bool = False, singers: Sequence[str] | None = None,
    seed: int = 0, quiet: bool = False,
) -> dict[str, Recordings]:  # fmt: skip
    """kind -> vectors of all clips. describe: (kind, samples at `rate`) -> (d,)."""
    vectors: dict[str, list[NDArray[np.floating]]] = {kind: [] for kind in KINDS}
    stems = []
    made = clips(folder, rate=rate, equalized=equalized, singers=singers, seed=seed)
    for clip in progress(made, "real voices", quiet=quiet):
        stems.append(clip.stem)
        for kind, sound in clip.sounds.items():
            vectors[kind].append(describe(kind, sound))
    names, songs = np.array([stem.singer for stem in stems]), np.array([stem.song for stem in stems])
    return {kind: Recordings(np.stack(rows), names, songs) for kind, rows in vectors.items()}


def by_space(space: Space) -> tuple[Describe, int]:
    """How a space describes sounds, and the rate that it wants."""
    encoder = space.encoder(space.modalities[0])
    assert isinstance(encoder, AudioEncoder)

    def describe(kind: str, samples: Samples) -> NDArray[np.floating]:
        return np.asarray(space.encode(tower_for(space, "mono" if kind == "mono" else "mix"), [samples])[0])

    return describe, encoder.sample_rate


def by_mfcc(rate: int = 16_000) -> tuple[Describe, int]:
    """Mean and deviation over time of 20 MFCC, (40,)."""
    librosa = load_librosa()

    def describe(_: str, samples: Samples) -> NDArray[np.floating]:
        rows = librosa.feature.mfcc(y=samples, sr=rate, n_mfcc=_COEFFICIENTS, n_fft=1024, hop_length=512)
        return np.concatenate([rows.mean(axis=1), rows.std(axis=1)])

    return describe, rate
