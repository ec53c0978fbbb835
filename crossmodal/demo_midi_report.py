"""The part of the demo's report about MIDI files: what was found, what was left unnamed, and one pair before and after warping."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.midi_features import recording_frames
from crossmodal.demo_midi import SPACE, MidiAnswer, MidiResults
from crossmodal.report import AudioClip, AudioEntry, AudioList, Command, Paragraph, Picture, Section, Table, embed_audio
from encoders.constant_q import BINS, CENTRE_SECONDS, FRAMES_PER_SECOND
from pairs.midi_audio import LOWEST_PITCH
from pairs.midi_reading import read_music
from pairs.rendering import synthesize

SHOWN_SECONDS = 16.0
_WIDE, _HIGH = 3, 5  # pixels of a frame, and of a semitone
_NOTE = (0, 158, 115)
Pixels = NDArray[np.uint8]


def midi_section(results: MidiResults | None) -> Section:
    """The section; without results, why there are none."""
    title = "Recordings and MIDI files"
    if results is None:
        missing = f"Left out: no space of recordings and MIDI files is installed under the name {SPACE}."
        return Section(title, [Paragraph(missing)])
    about = (
        f"{len(results.answers)} recordings of works that {results.space} never heard, and MIDI files of the same works as one finds "
        "them: other instruments, keys and tempos, missing parts, cut ends. Each MIDI file is looked up among the recordings; where "
        "nothing fits well enough the answer is that it is not sure. Recordings are synthesized like those it learned from, so these "
        "figures speak of this collection."
    )
    table = Table(
        ["metric", "value", "low", "high", "chance", "n"],
        [[row.metric, row.value, row.low, row.high, row.chance, row.n] for row in results.rows],
        "Which recording is it? 95% intervals over works",
    )
    example = (results.answers or results.strangers)[0].item.files["midi"]
    try_it = Command(
        f"crossmodal match {results.index} {example} --aligned DIR", "Ask for one of them, or for your own MIDI"
    )
    return Section(title, [Paragraph(about), table, _strangers(results), *_pair(results), _each(results), try_it])


def _first(answer: MidiAnswer) -> tuple[str | None, float | None]:
    best = answer.ranking.results[0] if answer.ranking.results else None
    return (best.id, best.confidence) if best is not None else (None, None)


def _each(results: MidiResults) -> Table:
    rows = []
    for answer in results.answers:
        name, confidence = _first(answer)
        error = None if answer.errors is None else 1000 * float(np.median(answer.errors))
        rows.append([
            answer.title, answer.damage, name, bool(answer.right), confidence, not answer.ranking.abstained, error
        ])  # fmt: skip
    columns = ["MIDI of", "what was done to it", "first answer", "right", "confidence", "sure", "median error, ms"]
    return Table(columns, rows, "Every MIDI file")


def _strangers(results: MidiResults) -> Table:
    rows = []
    for answer in results.strangers:
        name, confidence = _first(answer)
        said = "none: not sure" if answer.ranking.abstained else name
        rows.append([answer.title, said, name, confidence])
    return Table(
        ["MIDI of", "answer", "nearest", "confidence"],
        rows,
        "MIDI files without a recording here: the right answer is none",
    )


def _pair(results: MidiResults) -> list[Picture | AudioList]:
    shown = results.shown
    if shown is None:
        return []
    detail = shown.ranking.results[0].detail
    aligned, recording = Path(str(detail["aligned"])), results.audio / f"{shown.item.fields['recording']}.flac"
    start = max(0.0, float(str(detail["offset_seconds"])))
    picture = Picture(
        f"{shown.title}: a MIDI file before and after",
        drawn_pair(
            recording,
            shown.item.files["midi"],
            aligned,
            start=start,
            semitones=int(str(detail["transposition_semitones"])),
        ),
        f"{SHOWN_SECONDS:.0f} s of the recording's constant-Q, C2 below and B5 above, with the notes of the MIDI file as frames: above as "
        f"found, its zero where the recording's music begins; below warped onto the recording, its key moved by "
        f"{detail['transposition_semitones']} semitones for the picture.",
    )
    heard = [
        AudioEntry("The recording", "", None, embed_audio(recording, seconds=8.0, start=start)),
        AudioEntry("The warped MIDI file, played anew", "", None, _played(aligned, start)),
    ]
    return [picture, AudioList("The same seconds of both", heard)]


def _played(midi: Path, start: float) -> AudioClip:
    return embed_audio(synthesize(read_music(midi).performance), seconds=8.0, start=start)


def drawn_pair(recording: Path, found: Path, warped: Path, *, start: float, semitones: int) -> bytes:
    """A PNG of two panels, `SHOWN_SECONDS` of a recording's constant-Q from second `start` on.

    The upper one has the notes of a MIDI file as found, its zero at `start`; the lower one those of the warped one, moved by `semitones`.
    """
    from PIL import Image

    count = round(SHOWN_SECONDS * FRAMES_PER_SECOND)
    frames = recording_frames(recording)
    first = max(0, round((start - CENTRE_SECONDS) * FRAMES_PER_SECOND))
    part = frames[first : first + count]
    begin = first / FRAMES_PER_SECOND + CENTRE_SECONDS
    panels = [
        _panel(part, _notes(found) + np.array([start - begin, start - begin, 0.0])),
        _panel(part, _notes(warped) + np.array([-begin, -begin, float(semitones)])),
    ]
    gap = np.full((8, panels[0].shape[1], 3), 255, np.uint8)
    stream = io.BytesIO()
    Image.fromarray(np.concatenate([panels[0], gap, panels[1]])).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def _notes(midi: Path) -> NDArray[np.float64]:
    """(n, 3): onset and end in seconds, pitch; drums left out."""
    parts = [part for part in read_music(midi).performance.parts if not part.drums and len(part)]
    rows = [np.stack([part.onset, part.offset, part.pitch], axis=1) for part in parts]
    return np.concatenate(rows).astype(np.float64) if rows else np.zeros((0, 3))


def _panel(frames: NDArray[np.float32], notes: NDArray[np.float64]) -> Pixels:
    """Frames (t, 48), dark where it sounds, with a frame around every note; its seconds count from the first frame."""
    grey = (255 * (1 - np.sqrt(np.clip(frames, 0, 1)))).astype(np.uint8).T[::-1]
    pixels = np.repeat(np.repeat(grey, _HIGH, axis=0), _WIDE, axis=1)[..., None].repeat(3, axis=2)
    height, width = pixels.shape[:2]
    for onset, end, pitch in notes:
        row = BINS - 1 - (round(pitch) - LOWEST_PITCH)
        left, right = (round(seconds * FRAMES_PER_SECOND * _WIDE) for seconds in (onset, end))
        if not 0 <= row < BINS or right <= 0 or left >= width:
            continue
        top, bottom = row * _HIGH, min(height, (row + 1) * _HIGH) - 1
        inside = slice(max(0, left), min(width, max(right, left + 2)))
        pixels[top, inside] = pixels[bottom, inside] = _NOTE
        for edge in (left, right):
            if 0 <= edge < width:
                pixels[top : bottom + 1, edge] = _NOTE
    return pixels
