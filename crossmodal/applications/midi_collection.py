"""A collection to learn the midi-audio space from: recordings and damaged MIDI files of the same music, as 8-bit frames with exact warps.

A folder: `catalogue.jsonl` (a row for each MIDI version: midi, warp, work, split, and the field `recording`), `midi/*.mid`,
`warps/*.npy` (2, k: seconds of the MIDI, seconds of the recording; straight lines between), and `frames/recordings`, `frames/midi`
(synthesized), `frames/rolls` (without sound), three frame stores (`crossmodal.base.frame_store`). The sound itself is kept only on request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from crossmodal.applications.midi_features import midi_frames, recording_frames, roll_frames
from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, atomic_write, make_folder, read_json, write_json, write_skipped
from crossmodal.base.frame_store import FrameStore, append_frames, to_bytes
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.catalogue import write_catalogue
from pairs.collection import write_audio
from pairs.midi_collection import MidiSource, MidiVersion, corpus_sources, folder_sources, make_versions, without_leaks
from pairs.midi_music import MidiMusic
from pairs.midi_versions import Damage
from pairs.performances import play_for_judging
from pairs.source import Item

VERSION = 1  # of what a work is made into: a new one makes everything anew
STORES = ("recordings", "midi", "rolls")
_PACK = 256  # tracks of an append


def build_midi_collection(
    output: str | Path, *, works: int = 300, folders: Sequence[str | Path] = (), works_each: int | None = None,
    recordings: int = 1, versions: int = 2, most_seconds: float = 120.0, keep_audio: bool = False, judging: bool = False, seed: int = 0,
    jobs: int = 2, licence: str = "free", leave_out: Collection[str] = frozenset(), quiet: bool = False,
) -> Path:  # fmt: skip
    """Makes the pairs and returns the catalogue.jsonl; a second call reuses what is done, also after a kill.

    works: of the music21 corpus; folders: of MIDI files (POP909, cre_irish), at most `works_each` of each; recordings: of each work, each
    with `versions` damaged MIDI files; most_seconds: of music, at its own tempo; keep_audio: also writes the recordings as FLAC; judging:
    fluidsynth and FluidR3 play the recordings, which nothing is trained on (`pairs.performances`); licence: "free" or "any"; leave_out:
    groups of works of the corpus that are not wanted, such as a space was trained on.

    What cannot be read or played is listed in skipped.csv. InputError when nothing could be made or another process works there.
    """
    if min(recordings, versions) < 1 or works < 0 or not (works or folders) or most_seconds < 10:
        raise InputError(f"expected works or folders, and at least one recording and version, got works={works}")
    output = make_folder(Path(output))
    sources = corpus_sources(works, seed=seed, licence=licence, leave_out=leave_out) if works else []
    for folder in folders:
        sources += folder_sources(folder, most=works_each, seed=seed)
    sources = without_leaks(sources)
    made = {
        "seed": seed,
        "versions": versions,
        "most_seconds": most_seconds,
        "keep_audio": keep_audio,
        "judging": judging,
    }
    items = [{**source.item, **made, "number": number} for source in sources for number in range(recordings)]
    with FolderLock(output):
        _same_settings(output, {"version": VERSION, **made})
        packed = {store: frozenset(FrameStore(output / "frames" / store).ids) for store in STORES}
        outcomes = run_shards(
            make_recording, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Recording",
            shard_size=16, timeout_seconds=180, usable=partial(_usable, packed=packed), quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        if not rows:
            raise InputError(f"{output}: expected at least one work that can be played, got none; see skipped.csv")
        _pack(output, rows)
        write_catalogue(output / "catalogue.jsonl", _items(output, sources, rows))
    return output / "catalogue.jsonl"


def _same_settings(output: Path, settings: Mapping[str, object]) -> None:
    """A folder holds what was made in one way: names say nothing of it, so another way needs another folder."""
    path = output / "settings.json"
    if path.exists() and read_json(path) != settings:
        raise InputError(
            f"{output}: expected the settings of the first run, {read_json(path)}, got {settings}; choose another folder"
        )
    write_json(path, dict(settings))


def make_recording(item: Mapping[str, object], output: Path) -> Row:
    """In a worker process: a recording of a work and its MIDI versions; frames wait in `waiting/` until they are packed."""
    torch.set_num_threads(1)
    number = int(str(item["number"]))
    made = make_versions(
        item, number=number, versions=int(str(item["versions"])), most_seconds=float(str(item["most_seconds"])),
        play=play_for_judging if item["judging"] else None,
    )  # fmt: skip
    name = f"{item['id']}-{number}"
    _write(output, "recordings", name, recording_frames(made.samples))
    if item["keep_audio"]:
        write_audio(output / f"audio/{name}.flac", made.samples)
    rows = []
    for place, version in enumerate(made.versions):
        midi = f"{name}-{'abcdefghijklmnopqrstuvwxyz'[place]}"
        _write(output, "midi", midi, midi_frames(version.performance))
        _write(output, "rolls", midi, roll_frames(version.performance))
        _write_array(output / f"warps/{midi}.npy", np.stack([version.warp.source, version.warp.target]))
        with atomic_write(output / f"midi/{midi}.mid") as temporary:
            _music(version).to_pretty_midi().write(str(temporary))
        rows.append({"id": midi, "semitones": version.semitones, "damage": _plain(asdict(version.damage))})
    seconds = len(made.samples) / 22050
    return {
        "work": item["id"],
        "recording": name,
        "tuning": round(made.tuning, 3),
        "seconds": round(seconds, 2),
        "rows": rows,
    }


def _music(version: MidiVersion) -> MidiMusic:
    return MidiMusic(version.performance, np.zeros(1), np.zeros(1), np.array([120.0]))


def _plain(damage: Mapping[str, object]) -> str:
    """What was done to a MIDI file, in words for the catalogue."""
    usual = asdict(Damage())
    return ", ".join(f"{key} {_short(value)}" for key, value in damage.items() if value != usual[key])


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3g}"
    return " ".join(_short(entry) for entry in value) if isinstance(value, tuple) else str(value)


def _write(output: Path, store: str, name: str, frames: np.ndarray) -> None:
    _write_array(output / "waiting" / store / f"{name}.npy", to_bytes(frames))


def _write_array(path: Path, array: np.ndarray) -> None:
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def _names(row: Row, store: str) -> list[str]:
    rows: list[dict[str, object]] = row["rows"]  # type: ignore[assignment]
    return [str(row["recording"])] if store == "recordings" else [str(entry["id"]) for entry in rows]


def _usable(row: Row, output: Path, *, packed: Mapping[str, frozenset[str]]) -> bool:
    """Whether everything of an earlier row is there, packed (the names in each store) or waiting."""
    midi = all((output / f"{part}.{end}").is_file() for name in _names(row, "midi")
               for part, end in ((f"midi/{name}", "mid"), (f"warps/{name}", "npy")))  # fmt: skip
    return midi and all(
        name in packed[store] or (output / "waiting" / store / f"{name}.npy").is_file()
        for store in STORES for name in _names(row, store)
    )  # fmt: skip


def _pack(output: Path, rows: Sequence[Row]) -> None:
    """Moves waiting frames into the stores, in the order of the rows. A kill leaves a frame in both at most: it is then deleted."""
    for store in STORES:
        known = set(FrameStore(output / "frames" / store).ids)
        waiting = output / "waiting" / store
        names = [name for row in rows for name in _names(row, store)]
        missing = [name for name in names if name not in known]
        for first in range(0, len(missing), _PACK):
            part = missing[first : first + _PACK]
            tracks = [(name, np.load(waiting / f"{name}.npy", allow_pickle=False)) for name in part]
            append_frames(output / "frames" / store, tracks)
        for name in names:
            (waiting / f"{name}.npy").unlink(missing_ok=True)


def _items(output: Path, sources: Sequence[MidiSource], rows: Sequence[Row]) -> list[Item]:
    by_id = {str(source.item["id"]): source for source in sources}
    items = []
    for row in rows:
        source, name = by_id[str(row["work"])], str(row["recording"])
        entries: list[dict[str, object]] = row["rows"]  # type: ignore[assignment]
        for entry in entries:
            midi = str(entry["id"])
            files = {"midi": output / f"midi/{midi}.mid", "warp": output / f"warps/{midi}.npy"}
            if (output / f"audio/{name}.flac").is_file():
                files["audio"] = output / f"audio/{name}.flac"
            fields: dict[str, str | int | float | bool | None] = {
                "recording": name, "semitones": int(str(entry["semitones"])), "tuning": float(str(row["tuning"])),
                "seconds": float(str(row["seconds"])), "damage": str(entry["damage"]), "title": source.title,
                "licence": source.licence,
            }  # fmt: skip
            items.append(Item(id=midi, files=files, work=source.group, split=source.split, fields=fields))
    return items
