"""The whole cascade over many tracks, for `bench_midi.py`: processor seconds for a MIDI file, resident memory, bytes on disk.

The index is a real one, searched by the real code, but for what it holds. With a trained space and its collection, tracks are spliced from
the recordings of that collection and the query is a MIDI file of it. Without, networks of the real size with random weights encode the
query, hashes are invented, one track being a damaged copy of the query's, and the cuts are assumed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.hash_sequences import hashed
from crossmodal.applications.midi_cuts import Cuts
from crossmodal.applications.midi_distractors import (
    NAME,
    SPLICES,
    SplicedStore,
    Splices,
    draw_splices,
    encode_splices,
    write_tracks,
)
from crossmodal.applications.midi_matching import Matcher
from crossmodal.applications.midi_query import KEYS, Query, moved
from crossmodal.applications.track_indexing import TrackEncoder
from crossmodal.applications.track_store import TrackStore
from crossmodal.base.frame_store import FrameStore
from crossmodal.space import Background, Space
from crossmodal.space_files import load_space, save_space
from encoders.constant_q import BINS, FRAMES_PER_SECOND
from encoders.midi_hash import STEP
from scripts.benchmarking import Row, resident

MILLION, GOAL_SECONDS, GOAL_GB = 1_000_000, 5.0, 4.0
QUERY_HASHES, LENGTHS = 650, (325, 975)  # four minutes, and two to six
LAKH, RECORDINGS = 178_561, 994_960  # MIDI files, recordings: the job of Raffel's thesis
CUTS = Cuts(pruning=0.01, hashing=1e-5)  # assumed where none were measured


def untrained_space(folder: Path) -> Space:
    """The networks of the recipes, of their real size, with random weights, saved."""
    from crossmodal.assembly import build_embedding
    from crossmodal.recipe import load_recipe

    for name in ("midi-audio", "midi-audio-pruning"):
        recipe = load_recipe(name)
        torch.manual_seed(0)
        embedding = build_embedding(recipe).eval()
        embedding.towers["midi"].load_state_dict(
            embedding.towers["audio"].state_dict()
        )  # so that the same music is alike
        width = embedding.tower("audio").dimension
        known = Background(torch.zeros(width), torch.eye(width))
        save_space(Space(name, str(folder / name), "", embedding, recipe, background=known), folder / name)
    return load_space(folder / "midi-audio")


def invented_hashes(lengths: NDArray[np.int64], *, seed: int) -> NDArray[np.uint32]:
    """Sequences one after the other, each bit changing from one hash to the next with a probability of an eighth."""
    generator = np.random.default_rng(seed)
    found = np.empty(int(lengths.sum()), np.uint32)
    for first in range(0, len(found), 1 << 22):
        part = found[first : first + (1 << 22)]
        part[:] = generator.integers(0, 1 << 32, len(part), np.uint32)
        for _ in range(2):
            part &= generator.integers(0, 1 << 32, len(part), np.uint32)
    return np.bitwise_xor.accumulate(found)


@dataclass(frozen=True)
class Bench:
    """An index in `folder` and a query, whose recording is item 0."""

    folder: Path
    query: Query
    spliced: bool

    def open(self) -> Matcher:
        """With cuts, measured or assumed."""
        matcher = Matcher(SearchableIndex.open(self.folder, device="cpu"))
        matcher.store = SplicedStore(self.folder) if self.spliced else _InventedStore(self.folder)
        matcher.cuts = CUTS if matcher.cuts.pruning is None else matcher.cuts
        return matcher


class _InventedStore(TrackStore):
    """Values are the bits of the hashes."""

    def values(self, name: str) -> NDArray[np.float32]:
        hashes = np.ascontiguousarray(self.collection[int(self.numbers([name])[0])])
        bits = np.unpackbits(hashes.view(np.uint8).reshape(len(hashes), -1), axis=1, bitorder="little")
        return 2 * bits.astype(np.float32) - 1


def invented_frames(count: int, *, seed: int) -> NDArray[np.float32]:
    """(count, 48): chords of a few pitches that last a second or so."""
    generator = np.random.default_rng(seed)
    chords = np.where(generator.random((count // 16 + 1, BINS)) < 0.1, generator.random((count // 16 + 1, BINS)), 0.0)
    return np.repeat(chords, 16, axis=0)[:count].astype(np.float32) + np.float32(1e-3)


def invented_bench(folder: Path, count: int, *, seed: int = 0) -> Bench:
    """`count` tracks of two to six minutes."""
    space = untrained_space(folder)
    encoder = TrackEncoder.of(space)
    query = Query("midi", invented_frames(QUERY_HASHES * STEP, seed=seed))
    generator = np.random.default_rng(seed)
    lengths = generator.integers(*LENGTHS, count)
    lengths[0] = QUERY_HASHES
    hashes = invented_hashes(lengths, seed=seed)
    own = encoder.hashes("midi", query.frames)
    noise = generator.random((len(own), 32)) < 0.1
    hashes[: len(own)] = own ^ np.packbits(noise, axis=1).view(np.uint32)[:, 0]
    vectors = generator.uniform(-1, 1, (count, encoder.dimension)).astype(np.float32)
    vectors[0] = encoder.vector("midi", query.frames, own) + generator.normal(0, 0.05, encoder.dimension)
    write_tracks(folder / "index", encoder, [f"track-{n}" for n in range(count)], hashes, lengths, vectors)
    return Bench(folder / "index", query, spliced=False)


def spliced_bench(folder: Path, space: Space, training: Path, count: int, *, seed: int = 0) -> Bench:
    """`count` tracks of two to six minutes, spliced of a collection's recordings; the query is MIDI of a few works one after the other, as
    long as a song, and item 0 their recordings.
    """
    encoder, path = TrackEncoder.of(space), training / "frames/recordings"
    store, midi = FrameStore(path), FrameStore(training / "frames" / ("rolls" if encoder.rolls else "midi"))
    splices, song = draw_splices(path, count - 1, range(*LENGTHS), seed=seed), song_of(store, midi)
    joined = Splices(path, *(np.concatenate(pair) for pair in (
        (song, splices.tracks), (0 * song, splices.firsts), (_steps(store, song), splices.counts), (0 * song, splices.shifts),
        ([0], len(song) + splices.offsets),
    )))  # fmt: skip
    hashes, vectors = encode_splices(encoder, joined, folder / "index")
    lengths = np.diff(joined.starts[joined.offsets])
    write_tracks(folder / "index", encoder, [f"{NAME}{n}" for n in range(count)], hashes, lengths, vectors)
    joined.save(folder / "index" / SPLICES)
    query = np.concatenate([midi.read(midi.number(f"{store.name(track)}-a")) for track in song])
    return Bench(folder / "index", Query("midi", query[: QUERY_HASHES * STEP]), spliced=True)


def song_of(store: FrameStore, midi: FrameStore) -> NDArray[np.int64]:
    """Recordings that make four minutes together, each with MIDI in the same key as far as that is known."""
    chosen = [track for track in range(len(store)) if f"{store.name(track)}-a" in midi]
    ends = np.cumsum(_steps(store, np.array(chosen)))
    return np.array(chosen[: 1 + int(np.searchsorted(ends, QUERY_HASHES))], np.int64)


def _steps(store: FrameStore, tracks: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.array([store.length(int(track)) // STEP for track in tracks], np.int64)


def measure_cascade(bench: Bench, *, repeats: int) -> list[Row]:
    """Stages of one MIDI file's way through the index, and the whole of it extrapolated to a million tracks."""
    matcher = bench.open()
    frames = bench.query.frames  # a new query for each run: it keeps what is made of it
    every = matcher.answers_to("midi")
    count = int(every.sum())
    kept, last = matcher.cuts.after_pruning(count), matcher.cuts.after_hashing(count)
    first = matcher.rank(Query("midi", frames), every)[0]  # also compiles the kernels
    encode = _least(repeats, lambda: _encode(matcher, Query("midi", frames)))
    hashing = _least(repeats, lambda: matcher.by_hashes(Query("midi", frames), every))
    whole = _least(repeats, lambda: matcher.rank(Query("midi", frames), every))
    scaled = MILLION / count
    exact = (whole - hashing) * matcher.cuts.after_hashing(MILLION) / last
    million = encode + (hashing - encode) * scaled + exact
    label = f"cascade over {count:,} tracks, {len(frames) / FRAMES_PER_SECOND:.0f} s of MIDI"
    return [
        Row(f"{label}, its recording {'found' if first.row == 0 else 'NOT found'}", whole, "s"),
        Row("    encoding it in twelve keys", encode, "s"),
        Row(f"    pruning, and hashes of {kept:,} tracks in each key", hashing - encode, "s"),
        Row(f"    exact alignment with {last} tracks", whole - hashing, "s"),
        Row("    extrapolated to 1,000,000 tracks", million, "s", goal="<= 5 s", met=million <= GOAL_SECONDS),
        Row(f"    so {LAKH:,} MIDI files against {RECORDINGS:,} recordings", million * RECORDINGS / MILLION * LAKH / 3600, "core hours"),
    ]  # fmt: skip


def _least(repeats: int, run: Callable[[], object]) -> float:
    found = []
    for _ in range(repeats):
        begin = time.process_time()
        run()
        found.append(time.process_time() - begin)
    return min(found)


def _encode(matcher: Matcher, query: Query) -> None:
    for shift in KEYS:
        matcher.encoder.vector(query.kind, moved(query.frames, shift), hashed(query.values(matcher.encoder, shift)))


def measure_memory(bench: Bench, few: Bench) -> list[Row]:
    """Resident memory of a process that has searched an index of a few tracks, and then this one; and what a track takes on disk."""
    command = [sys.executable, __file__, str(few.folder), str(bench.folder), str(int(bench.spliced))]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    before, after, count = (float(word) for word in done.stdout.split())
    million = (before + (after - before) * MILLION / count) / 1024
    hashes = FrameStore(bench.folder / "hashes")
    length = float(np.diff(hashes.offsets).mean())
    return [
        Row(f"resident memory with {count:,.0f} tracks, against a few", after / 1024, "GB", before / 1024),
        Row("    extrapolated to 1,000,000 tracks", million, "GB", goal="<= 4 GB", met=million <= GOAL_GB),
        Row("bytes of a track in memory, hashes", hashes.bytes_per_track, "B"),
        Row("bytes of a track on disk, constant-Q in 8 bits", BINS * STEP * length, "B"),
        Row("bytes of a track on disk, values in 8 bits", 8 * hashes.bins * length, "B"),
    ]


def _search_here(few: Path, many: Path, *, spliced: bool) -> None:
    """In a process of its own: memory in MB after all hashes and vectors of a small index were read, and then of a large one."""
    found = []
    for folder, kind in ((few, False), (many, spliced)):
        matcher = Bench(folder, Query("midi", invented_frames(STEP, seed=0)), kind).open()
        count = int(matcher.answers_to("midi").sum())
        matcher.store.collection.hashes.max(), matcher.index.vectors.max()  # so that all of them are there
        found.append(resident())
    print(*found, count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Measures one index in a process of its own, for bench_midi.py.")
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("spliced", choices=("0", "1"))
    asked = parser.parse_args()
    _search_here(asked.first, asked.second, spliced=asked.spliced == "1")
