"""Mashups: a voice over another recording's accompaniment, matched in tempo, beat and key (Lee & Nam 2019), every choice recorded.

The accompaniment is stretched (phase vocoder) and transposed to the voice, never the voice: its pitch and formants tell the singer. A voice
begins on a downbeat of the accompaniment. Both are equalized in root mean square before the voice's level is drawn; nothing is clipped.
"""

from __future__ import annotations

import csv
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.applications.mashup_listening import LEAST_VOCAL_SECONDS, RATE, Heard, Samples, hear_backing, hear_vocal
from crossmodal.base.audio import AUDIO_EXTENSIONS
from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.files import FolderLock, atomic_write, find_files, make_folder
from crossmodal.base.librosa_import import load_librosa
from crossmodal.base.progress import progress
from crossmodal.base.results import Model, Skipped
from pairs.keys import shift_between
from pairs.vocal_mixing import mix

MOST_STRETCH = 1.10
MOST_SEMITONES = 3
MOST_DECIBELS = 40.0  # beyond it one of the two cannot be heard
MANIFEST = "manifest.csv"
_OCTAVES = (1.0, 2.0, 0.5)  # a tempo heard as its double or half fits as well


class MashupRow(Model):
    """One mix: voice, backing (paths), mix (file beside the manifest), tempi in beats a minute, stretch (of the backing: above 1 it plays
    faster), semitones (of the backing), keys and how they agree, backing_seconds (where in the backing, as it is on disk, the mix
    begins), beat: what the voice's first beat falls on, voice_decibels (over the backing), gain (of the mix, so that it does not clip).
    """

    id: str
    mix: str
    voice: str
    backing: str
    seconds: float
    voice_tempo: float
    backing_tempo: float
    stretch: float
    semitones: int
    voice_key: str
    backing_key: str
    keys: str
    backing_seconds: float
    beat: str
    voice_decibels: float
    gain: float
    seed: int


class MashupReport(Model):
    """What `mashup` did."""

    output: str
    mixes: list[MashupRow]
    skipped: list[Skipped]


@dataclass(frozen=True)
class Fit:
    """How a backing is made to fit a voice."""

    stretch: float
    semitones: int
    keys: str


def fit_backing(vocal: Heard, backing: Heard) -> Fit:
    """Stretch and transposition of a backing for a voice. InputError with the reason where they are too far apart."""
    ratios = [vocal.tempo * octave / backing.tempo for octave in _OCTAVES]
    stretch = min(ratios, key=lambda ratio: abs(np.log(ratio)))
    if not 1 / MOST_STRETCH <= stretch <= MOST_STRETCH:
        raise InputError(
            f"tempi do not fit: {vocal.tempo:.0f} and {backing.tempo:.0f} beats a minute need a stretch of {stretch:.2f}, "
            f"at most {MOST_STRETCH:.2f}"
        )
    semitones = shift_between(backing.key, vocal.key)
    if abs(semitones) > MOST_SEMITONES:
        raise InputError(
            f"keys do not fit: {vocal.key.name} and {backing.key.name} are {abs(semitones)} semitones apart, at most {MOST_SEMITONES}"
        )
    return Fit(float(stretch), semitones, "the same" if vocal.key.minor == backing.key.minor else "relative")


def moved(samples: Samples, *, stretch: float, semitones: int) -> Samples:
    """Samples (n,) played `stretch` times as fast and transposed, (about n / stretch,)."""
    import soxr

    if stretch == 1.0 and semitones == 0:
        return samples
    faster = 2.0 ** (-semitones / 12)  # what resampling to the new pitch gives back
    slowed = load_librosa().effects.time_stretch(samples, rate=stretch * faster)
    return np.asarray(soxr.resample(slowed, RATE / faster, RATE, quality="HQ"), np.float32)


def combine(vocal: Heard, backing: Heard, fit: Fit, *, decibels: float) -> tuple[Samples, dict[str, object]]:
    """The mix (n,) at RATE and what was chosen for it. InputError where the backing is too short."""
    first = vocal.beats[vocal.beats >= vocal.begin - 0.1]
    lead = float(first[0]) if len(first) else vocal.begin  # seconds of the voice before its first beat
    starts = backing.downbeats if len(backing.downbeats) else backing.beats
    needed = vocal.end * fit.stretch
    possible = starts[starts - lead * fit.stretch >= 0]
    if not len(possible):
        possible = starts[-1:]
    enough = possible[possible - lead * fit.stretch + needed <= backing.seconds]
    beat = float(enough[0] if len(enough) else possible[0])
    begin = max(0.0, beat - lead * fit.stretch)
    piece = backing.samples[round(begin * RATE) : round((begin + needed) * RATE) + RATE // 10]
    if len(piece) < LEAST_VOCAL_SECONDS * RATE:
        raise InputError(f"the backing has {len(piece) / RATE:.1f} s from its first downbeat on; expected at least 3 s")
    played = moved(piece, stretch=fit.stretch, semitones=fit.semitones)
    late = max(
        0, round((lead * fit.stretch - beat) / fit.stretch * RATE)
    )  # a voice that begins before the first downbeat
    made, gain = mix(vocal.samples[late : round(vocal.end * RATE)], played, decibels=decibels)
    chosen: dict[str, object] = {
        "seconds": round(len(made) / RATE, 3), "backing_seconds": round(begin, 3), "gain": round(gain, 4),
        "beat": "downbeat" if len(backing.downbeats) else "beat",
    }  # fmt: skip
    return made, chosen


def make_mashups(
    vocals: Sequence[Path], backings: Sequence[Path], output: Path, *, count: int | None = None,
    decibels: tuple[float, float] = (-3.0, 6.0), seed: int = 0, quiet: bool = False,
) -> MashupReport:  # fmt: skip
    """Mixes of every voice with the backings that fit it, at most `count`, in an order drawn by `seed`; files and folders are given.

    decibels: range of the voice's level over the backing. Writes mix-*.flac and manifest.csv, whose rows are a catalogue too (voice,
    mix). What does not go together is told with the reason. Raises InputError where there are no files, the folder is in use or holds
    mixes already.
    """
    if count is not None and count < 1:
        raise InputError(f"--count: expected at least 1, got {count}")
    if not -MOST_DECIBELS <= decibels[0] <= decibels[1] <= MOST_DECIBELS:
        raise InputError(
            f"--level: expected two levels from -{MOST_DECIBELS:g} to {MOST_DECIBELS:g} dB, the lower one first, got {decibels[0]:g} "
            f"and {decibels[1]:g}"
        )
    if (output / MANIFEST).exists():
        raise InputError(f"{output}: expected a new folder, got one that holds mixes; choose another")
    skipped: list[Skipped] = []
    voices = list(_heard(_files(vocals, "vocals", skipped), hear_vocal, skipped, "vocals", quiet=quiet))
    grounds = list(_heard(_files(backings, "backings", skipped), hear_backing, skipped, "backings", quiet=quiet))
    rows: list[MashupRow] = []
    with FolderLock(make_folder(output)):
        for vocal, backing in _combinations(voices, grounds, seed):
            if count is not None and len(rows) >= count:
                break
            generator = np.random.default_rng([seed, len(rows)])
            try:
                rows.append(_write(vocal, backing, output, len(rows), float(generator.uniform(*decibels)), seed))
            except InputError as error:
                skipped.append(Skipped(path=f"{vocal.path} + {backing.path}", reason=str(error)))
        _write_manifest(output, rows)
    return MashupReport(output=str(output), mixes=rows, skipped=skipped)


def _files(sources: Sequence[Path], kind: str, skipped: list[Skipped]) -> list[Path]:
    found, unread = find_files(sources, extensions=AUDIO_EXTENSIONS)
    skipped += unread
    if not found:
        raise InputError(f"{kind}: expected sound files, got none in {', '.join(map(str, sources))}")
    return found


def _heard(
    paths: Sequence[Path], hear: Callable[[Path], Heard], skipped: list[Skipped], label: str, *, quiet: bool
) -> Iterator[Heard]:
    for path in progress(paths, f"listening to {label}", quiet=quiet):
        try:
            yield hear(path)
        except CrossmodalError as error:
            skipped.append(Skipped(path=str(path), reason=str(error).removeprefix(f"{path}: ")))


def _combinations(voices: Sequence[Heard], grounds: Sequence[Heard], seed: int) -> Iterator[tuple[Heard, Heard]]:
    """All pairs; each voice has its turn before one has its second, with backings in an order of its own."""
    orders = [np.random.default_rng([seed, 1, i]).permutation(len(grounds)) for i in range(len(voices))]
    for turn, voice in itertools.product(range(len(grounds)), range(len(voices))):
        yield voices[voice], grounds[int(orders[voice][turn])]


def _write(vocal: Heard, backing: Heard, output: Path, number: int, decibels: float, seed: int) -> MashupRow:
    import soundfile

    fit = fit_backing(vocal, backing)
    samples, chosen = combine(vocal, backing, fit, decibels=decibels)
    name = f"mix-{number:05d}"
    with atomic_write(output / f"{name}.flac") as temporary:
        soundfile.write(temporary, samples, RATE, subtype="PCM_16", format="FLAC")
    return MashupRow.model_validate(
        {
            "id": name, "mix": f"{name}.flac", "voice": str(vocal.path.absolute()), "backing": str(backing.path.absolute()),
            "voice_tempo": round(vocal.tempo, 2), "backing_tempo": round(backing.tempo, 2),
            "stretch": round(fit.stretch, 4), "semitones": fit.semitones, "voice_key": vocal.key.name,
            "backing_key": backing.key.name, "keys": fit.keys, "voice_decibels": round(decibels, 2), "seed": seed, **chosen,
        }
    )  # fmt: skip


def _write_manifest(output: Path, rows: Sequence[MashupRow]) -> None:
    with atomic_write(output / MANIFEST) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(MashupRow.model_fields))
        writer.writeheader()
        writer.writerows(row.model_dump() for row in rows)
