"""Real singers: voices and accompaniments in files of their own. Recognized: MUSDB18's folders, MIR-1K's, and any catalogue.

- MUSDB18 (HQ): `train/ARTIST - TITLE/vocals.wav` beside `accompaniment.wav`, or `drums.wav`, `bass.wav`, `other.wav` to be summed.
- MIR-1K as voices and accompaniments of one name: `vocals/SINGER_SONG_CLIP.ogg`, `accompaniment/...`.
- A catalogue (CSV, JSONL, Parquet) with the columns `voice`, `backing` and `singer`, at will `song` and `split`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crossmodal.base.audio import decode
from crossmodal.base.errors import InputError
from crossmodal.base.files import FolderLock, make_folder, write_skipped
from crossmodal.base.jobs import Row, collect, run_shards
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.catalogue_files import EXTENSIONS
from pairs.collection import write_audio
from pairs.rooms import SAMPLE_RATE, Samples
from pairs.source import Item
from pairs.splits import part_of
from pairs.vocal_mix import singer_of, song_of
from pairs.vocal_mixing import LOUDEST, QUIETEST, draw_master, mix, recorded

VERSION = 1
CLIP_SECONDS = 12.0
LEAST_SECONDS = 3.0
_SOUNDING = 0.05  # of the loud moments' level: where a voice sings
_BACKINGS = ("drums.wav", "bass.wav", "other.wav")
_ANOTHER = 0.5


@dataclass(frozen=True)
class Stem:
    """A song (or a clip of one) of a singer. backings: files that are summed."""

    id: str
    singer: str
    song: str
    voice: Path
    backings: tuple[Path, ...]
    split: str


def read_stems(source: Path) -> list[Stem]:
    """Stems of a folder or catalogue. Raises InputError where the layout is none of the known ones."""
    if source.suffix.lower() in EXTENSIONS and source.is_file():
        return _of_catalogue(source)
    for reader in (_of_musdb, _of_mir1k):
        found = reader(source)
        if found:
            return found
    raise InputError(
        f"{source}: expected stems (ARTIST - TITLE/vocals.wav as MUSDB18, vocals/ beside accompaniment/ as MIR-1K, or a catalogue with "
        "voice, backing and singer), found none"
    )


def _of_catalogue(path: Path) -> list[Stem]:
    items = [
        item for item in read_catalogue(path).items if {"voice", "backing"} <= item.files.keys() and singer_of(item)
    ]
    if not items:
        raise InputError(f"{path}: expected rows with voice, backing and singer, got none; fill these columns")
    return [
        Stem(
            item.id, singer_of(item), song_of(item), item.files["voice"], (item.files["backing"],),
            item.split or part_of(singer_of(item)),
        )
        for item in items
    ]  # fmt: skip


def _of_musdb(folder: Path) -> list[Stem]:
    found = []
    for voice in sorted(folder.glob("**/vocals.wav")):
        place = voice.parent
        whole = place / "accompaniment.wav"
        backings = (
            (whole,) if whole.is_file() else tuple(place / name for name in _BACKINGS if (place / name).is_file())
        )
        singer = place.name.partition(" - ")[0].strip()
        if backings:
            split = "test" if place.parent.name == "test" else "train"
            found.append(Stem(place.name, singer, place.name, voice, backings, split))
    return _singers_whole(found)


def _singers_whole(stems: list[Stem]) -> list[Stem]:
    """A singer who is tested in one song trains in none."""
    tested = {stem.singer for stem in stems if stem.split == "test"}
    return [stem for stem in stems if stem.split == "test" or stem.singer not in tested]


def _of_mir1k(folder: Path) -> list[Stem]:
    found = []
    for voice in sorted((folder / "vocals").glob("*_*_*.*")):
        backing = folder / "accompaniment" / voice.name
        singer, song, _ = voice.stem.split("_", 2)
        if backing.is_file():
            found.append(Stem(voice.stem, singer, f"{singer}_{song}", voice, (backing,), part_of(singer)))
    return found


def backing_of(stem: Stem, *, sample_rate: int = SAMPLE_RATE) -> Samples:
    """The accompaniment (n,), its files summed. Raises InputError with the reason."""
    parts = [decode(path, sample_rate=sample_rate) for path in stem.backings]
    length = min(map(len, parts))
    return np.sum([part[:length] for part in parts], axis=0, dtype=np.float32)


def sung_clips(voice: Samples, *, rate: int = SAMPLE_RATE, seconds: float = CLIP_SECONDS) -> list[slice]:
    """Stretches of a voice (n,) of at most so many seconds in which most moments are sung; the whole where it is short."""
    size = round(seconds * rate)
    if len(voice) <= size:
        return [slice(0, len(voice))]
    step = rate // 20
    level = np.sqrt(np.mean(voice[: len(voice) // step * step].reshape(-1, step) ** 2, axis=1))
    sounding = level > _SOUNDING * np.percentile(level, 98)
    starts = range(0, len(voice) - size + 1, size)
    return [slice(s, s + size) for s in starts if sounding[s // step : (s + size) // step].mean() > 0.5]


def mix_stem(item: Mapping[str, object], output: Path) -> Row:
    """The clips of one song: writes voices and mixes (half of them over another's accompaniment), returns their rows."""
    generator = np.random.default_rng([int(str(item["seed"])), int(str(item["number"]))])
    voice = decode(Path(str(item["voice"])), sample_rate=SAMPLE_RATE)
    if len(voice) < LEAST_SECONDS * SAMPLE_RATE:
        raise InputError(f"expected a vocal of at least {LEAST_SECONDS:g} s, got {len(voice) / SAMPLE_RATE:.1f} s")
    own, other = (
        backing_of(Stem("", "", "", Path(), tuple(Path(str(p)) for p in list(item[key])), ""))  # type: ignore[call-overload]
        for key in ("backings", "others")
    )
    rows = []
    for number, place in enumerate(sung_clips(voice)):
        another = generator.random() < _ANOTHER
        piece = voice[place]
        ground = np.resize(other, len(piece)) if another or len(own) < place.stop else own[place]
        decibels = float(generator.uniform(QUIETEST, LOUDEST))
        both, _ = mix(piece, ground.astype(np.float32), decibels=decibels)
        sounds = {"voice": piece, "mix": recorded(both, draw_master(generator), generator)}
        name = f"{item['id']}-{number}".replace("/", "_")
        files = {kind: f"{kind}/{name}.flac" for kind in sounds}
        for kind, samples in sounds.items():
            write_audio(output / files[kind], samples)
        rows.append({"id": name, "files": files, "voice_decibels": round(decibels, 2)})
    return {"id": item["id"], "rows": rows}


def build_stem_collection(
    sources: Sequence[Path], output: Path, *, singers: Sequence[str] | None = None, seed: int = 0, jobs: int = 2, quiet: bool = False
) -> Path:  # fmt: skip
    """Real stems as a catalogue like that of invented singers: clips of 12 s, alone and in mixes. singers: only these.

    A second call reuses what is done. Raises InputError where there are no stems.
    """
    stems = [stem for source in sources for stem in read_stems(source) if singers is None or stem.singer in singers]
    if not stems:
        raise InputError(f"expected stems of the singers {', '.join(singers or ())}, got none; check the names")
    order = np.random.default_rng(seed).permutation(len(stems))
    items = []
    for number, stem in enumerate(stems):
        others = [stems[int(i)] for i in np.roll(order, number) if stems[int(i)].singer != stem.singer]
        other = others[0] if others else stem
        items.append(
            {
                "id": stem.id, "number": number, "seed": seed, "voice": str(stem.voice),
                "backings": [str(path) for path in stem.backings], "others": [str(path) for path in other.backings],
            }
        )  # fmt: skip
    with FolderLock(make_folder(output)):
        outcomes = run_shards(
            mix_stem, items, output=output, parameters={"version": VERSION}, jobs=jobs, label="Mixing stems",
            timeout_seconds=600, usable=_usable, quiet=quiet,
        )  # fmt: skip
        rows, skipped = collect(outcomes)
        write_skipped(output / "skipped.csv", skipped)
        by_id = {stem.id: stem for stem in stems}
        found = [_item(output, made, by_id[str(row["id"])]) for row in rows for made in row["rows"]]  # type: ignore[attr-defined]
        if not found:
            raise InputError(f"{output}: expected at least one clip with singing, got none; see skipped.csv")
        write_catalogue(output / "catalogue.jsonl", found)
    return output / "catalogue.jsonl"


def _usable(row: Row, output: Path) -> bool:
    rows = row.get("rows")
    return isinstance(rows, list) and all((output / file).is_file() for made in rows for file in made["files"].values())


def _item(output: Path, made: Mapping[str, object], stem: Stem) -> Item:
    files = made["files"]
    assert isinstance(files, dict)
    fields = {"singer": stem.singer, "song": stem.song, "voice_decibels": made["voice_decibels"]}
    return Item(
        id=str(made["id"]), files={kind: output / file for kind, file in files.items()}, work=f"singer-{stem.singer}",
        split=stem.split, fields=fields,  # type: ignore[arg-type]
    )  # fmt: skip
