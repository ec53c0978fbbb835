"""A collection of human performances and engraved scores of nASAP's half to tune on: what `audio-sheet-nc` learns from beside free data.

Not for a space that anyone may use for anything: nASAP is CC BY-NC-SA 4.0. The half that figures are reported on is never touched.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, make_folder, write_skipped
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.catalogue import write_catalogue
from pairs.collection import write_audio
from pairs.engraving import Engraver, Engraving, draw_look
from pairs.nasap import NasapPiece, NasapScore, Performance, read_nasap
from pairs.performances import render_performance
from pairs.rendering import SAMPLE_RATE, sound_font
from pairs.rooms import draw_condition, record
from pairs.sheet_collection import LONGEST_SECONDS, perform_sheet
from pairs.sheet_music import SheetMusic, sheet_of, write_sheet
from pairs.source import Item
from pairs.written_time import WrittenTime

VERSION = 1
PAGES = 6  # of scores with invented performances
LICENCE = "nASAP (CC BY-NC-SA 4.0)"
_NEAR_QUARTERS = 1e-3


def build_nasap_collection(
    nasap: str | Path, output: str | Path, *, performances: int = 3, invented: int = 1, seed: int = 0, jobs: int = 2, quiet: bool = False
) -> Path:  # fmt: skip
    """Engraves and plays; returns the catalogue.jsonl (columns audio, sheet, split). A second call reuses what is done.

    nasap: that data set's folder; of each piece at most so many human performances, and `invented` ones of its score. Human
    performances are played by fluidsynth with the sound font of all training. InputError where nothing can be used.
    """
    output = make_folder(Path(output))
    pieces = [piece for piece in read_nasap(nasap)[0] if piece.half == "tune"]
    items = [item for piece in pieces for item in _items(piece, Path(nasap), performances, invented, seed)]
    with FolderLock(output):
        outcomes = run_shards(
            make_nasap_pair, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Engraving", shard_size=8,
            timeout_seconds=240, quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        if not rows:
            raise InputError(
                f"{nasap}: expected pieces that can be engraved and played, got none; see {output}/skipped.csv"
            )
        by_id = {str(item["id"]): item for item in items}
        write_catalogue(output / "catalogue.jsonl", [_catalogued(row, by_id[str(row["id"])], output) for row in rows])
    return output / "catalogue.jsonl"


def _items(piece: NasapPiece, nasap: Path, performances: int, invented: int, seed: int) -> list[dict[str, object]]:
    name = piece.id.replace("/", "-")
    common: dict[str, object] = {"nasap": str(nasap), "piece": piece.id, "seed": seed}
    human = [p for p in piece.performances if p.score.folder == piece.scores[0].folder] or list(piece.performances)
    found = [{**common, "id": f"{name}-{p.name}", "performance": p.name} for p in human[:performances]]
    return found + [{**common, "id": f"{name}-invented-{k}", "performance": ""} for k in range(invented)]


def _catalogued(row: Row, item: Mapping[str, object], output: Path) -> Item:
    files = {"audio": output / str(row["audio"]), "sheet": output / str(row["sheet"])}
    work = f"nasap-{item['piece']}"
    kind = "human" if item["performance"] else "invented-performance"
    # a few whole pieces tell when to stop
    split = "validation" if hashlib.blake2b(work.encode(), digest_size=1).digest()[0] < 20 else "train"
    return Item(id=str(row["id"]), files=files, work=work, split=split, fields={"licence": LICENCE, "kind": kind})


@lru_cache(maxsize=1)
def _engraver() -> Engraver:
    return Engraver()


@lru_cache(maxsize=1)
def _pieces(folder: str) -> dict[str, NasapPiece]:
    return {piece.id: piece for piece in read_nasap(folder)[0]}


@lru_cache(maxsize=2)
def _engraved(score: NasapScore, seed: int, *, repeats: bool) -> Engraving:
    """In a look of the score's own: of several performances one after the other it is set once."""
    name = f"{score.composer}/{score.title}/{score.folder.name}"
    generator = np.random.default_rng([seed, *hashlib.blake2b(name.encode(), digest_size=8).digest(), repeats])
    return _engraver().engrave(
        score.text(), look=draw_look(generator), repeats=repeats, pages=None if repeats else PAGES
    )


def make_nasap_pair(item: Mapping[str, object], output: Path) -> Row:
    """One score and one performance of it, a pianist's or an invented one: writes both, returns their names."""
    name = str(item["id"]).replace("/", "-")
    generator = np.random.default_rng([int(str(item["seed"])), *hashlib.blake2b(name.encode(), digest_size=8).digest()])
    piece = _pieces(str(item["nasap"]))[str(item["piece"])]
    played = next((p for p in piece.performances if p.name == item["performance"]), None)
    engraving = _engraved(played.score if played else piece.scores[0], int(str(item["seed"])), repeats=bool(played))
    audio = output / f"audio/{name}.flac"
    sheet = _performed(engraving, played) if played else perform_sheet(sheet_of(engraving), audio, generator)
    if played:
        _record(played, audio, generator)
    write_sheet(output / f"sheets/{name}.sheet.npy", sheet)
    return {"id": str(item["id"]), "audio": f"audio/{name}.flac", "sheet": f"sheets/{name}.sheet.npy"}


def _performed(engraving: Engraving, played: Performance) -> SheetMusic:
    """The pages with the notes whose moment score and MIDI both have, at the pianist's seconds."""
    written = WrittenTime(engraving, played.score)
    if not written.one_to_one:
        raise InputError(
            f"expected pages that are played once, as written; {written.agreement:.0%} of the chords agree"
        )
    sheet = sheet_of(engraving)
    seconds = played.performed_time(np.interp(sheet.quarters, written.engraved, written.played))
    near = np.min(np.abs(np.subtract.outer(sheet.quarters, written.engraved)), axis=1) < _NEAR_QUARTERS
    kept = near & np.isfinite(seconds) & (seconds < LONGEST_SECONDS)
    if not kept.any():
        raise InputError("expected notes that the performance plays, got none")
    return replace(sheet, seconds=seconds).select(kept)


def _record(played: Performance, audio: Path, generator: np.random.Generator) -> None:
    """The beginning of a performance in a room."""
    with tempfile.TemporaryDirectory() as folder:
        wav = render_performance(played.midi, Path(folder) / "played.wav", sound_font=sound_font())
        samples = decode(wav, sample_rate=SAMPLE_RATE)[: int(LONGEST_SECONDS * SAMPLE_RATE)]
    condition = draw_condition(generator, natural="piano", loudness=str(generator.choice(["", "", "soft", "loud"])))
    write_audio(audio, record(samples, condition, generator))
