"""Prepared recordings: whole or absent, redone when something changed, and equal to what the encoder prepares."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from crossmodal import prepared
from crossmodal.data import BatchSource
from crossmodal.prepared import PreparedStore, front_end_key, prepare_store
from encoders.spectrogram import MelCnn
from encoders.waveform import SampleCnn
from pairs.relatives import RelativePairs
from pairs.source import Item
from tests.conftest import RATE, tone


def make_encoder(**options: object) -> MelCnn:
    arguments: dict[str, object] = {"sample_rate": RATE, "bands": 16, "window_seconds": 0.5, "dimension": 4}
    return MelCnn(**{**arguments, "channels": (4,), "pools": ((2, 2),), **options})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def encoder() -> MelCnn:
    return make_encoder()


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "sounds"
    folder.mkdir()
    found = []
    for i in range(7):
        found.append(folder / f"a {i}.wav")
        soundfile.write(found[-1], tone(200 * (i + 1), seconds=0.2 + 0.3 * i), RATE)
    return found


@pytest.fixture
def small_shards(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(prepared, "SHARD_ITEMS", 3)
    yield


def prepare(encoder: MelCnn, paths: list[Path], folder: Path) -> tuple[PreparedStore, list[str]]:
    store, skipped = prepare_store(encoder, paths, folder=folder, jobs=2, quiet=True)
    return store, [s.path for s in skipped]


def times(folder: Path) -> dict[str, int]:
    return {p.name: p.stat().st_mtime_ns for p in folder.rglob("*") if p.suffix in {".npy", ".json"}}


@pytest.mark.usefixtures("small_shards")
def test_a_whole_is_what_the_encoder_prepares(encoder: MelCnn, paths: list[Path], tmp_path: Path) -> None:
    store, skipped = prepare(encoder, paths, tmp_path / "store")
    assert not skipped and all(path in store for path in paths) and Path("other.wav") not in store
    for path in paths:
        expected = encoder.prepare(path)
        found = store.whole(path)
        assert found.dtype == torch.float32 and found.shape == expected.shape
        torch.testing.assert_close(found, expected.to(torch.float16).float(), rtol=0, atol=0)


@pytest.mark.usefixtures("small_shards")
def test_windows_lie_within_their_recording_and_reach_both_ends(
    encoder: MelCnn, paths: list[Path], tmp_path: Path
) -> None:
    store, _ = prepare(encoder, paths, tmp_path / "store")
    for path in paths:
        whole = store.whole(path).numpy()
        last = whole.shape[-1] - encoder.window
        seen = set()
        for seed in range(12 * (last + 1)):
            window = store.window(path, store.place(path, np.random.default_rng(seed)))
            assert window.shape == (encoder.window, 16)
            fits = [s for s in range(last + 1) if np.array_equal(whole[:, s : s + encoder.window].T, window)]
            assert fits
            seen.update(fits)
        assert {0, last} <= seen
    first, second = (store.place(paths[6], np.random.default_rng(5)) for _ in range(2))
    assert first == second


@pytest.mark.usefixtures("small_shards")
def test_a_window_away_from_another_shares_half_of_it_at_the_most(
    encoder: MelCnn, paths: list[Path], tmp_path: Path
) -> None:
    store, _ = prepare(encoder, paths, tmp_path / "store")
    generator, far = np.random.default_rng(0), 0
    for path in paths:
        last = store.whole(path).shape[-1] - encoder.window
        for away in range(last + 1):
            allowed = [place for place in range(last + 1) if 2 * abs(place - away) >= encoder.window]
            drawn = {store.place(path, generator, away=away) for _ in range(20 * (len(allowed) + 1))}
            if allowed:
                assert drawn == set(allowed)
                far += 1
            else:  # as far as it goes
                assert max(abs(place - away) for place in (0, last)) == abs(drawn.pop() - away) and not drawn
    assert far


def test_windows_of_one_track_are_drawn_apart_where_the_pairs_ask_for_it(
    encoder: MelCnn, paths: list[Path], tmp_path: Path
) -> None:
    store, _ = prepare(encoder, paths, tmp_path / "store")
    items = [Item(f"{number:02}", {"audio": path}) for number, path in enumerate(paths)]
    pairs = RelativePairs(items, by=["track"], apart=True)
    batch = BatchSource(pairs, {"audio": encoder}, store, batch_size=len(items), seed=0, concepts=["track"])[0]
    first, second = (batch.inputs[slot] for slot in ("audio", "audio@track"))
    assert isinstance(first, torch.Tensor) and isinstance(second, torch.Tensor)
    far = 0
    for row, number in enumerate(batch.concepts["track"]["audio@track"][:, 0].tolist()):
        whole = store.whole(paths[number])
        last = whole.shape[-1] - encoder.window
        windows = [whole[..., place : place + encoder.window] for place in range(last + 1)]
        one, other = (
            [place for place, window in enumerate(windows) if torch.equal(window, made[row])]
            for made in (first, second)
        )
        assert one and other
        if last >= encoder.window:  # long enough wherever the first lies
            far += 1
            assert max(abs(a - b) for a in one for b in other) * 2 >= encoder.window
    assert far


@pytest.mark.usefixtures("small_shards")
def test_a_second_run_reuses_and_what_is_missing_is_redone(encoder: MelCnn, paths: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    prepare(encoder, paths, folder)
    before = times(folder)
    assert len(before) == 6
    prepare(encoder, paths, folder)
    assert times(folder) == before
    index = sorted(folder.rglob("*.json"))[0]
    index.unlink()  # killed between the array and its index
    (index.parent / ".partial-0123456789ab.npy").write_bytes(b"half")
    store, _ = prepare(encoder, paths, folder)
    after = times(folder)
    assert {n for n in before if after[n] != before[n]} == {index.name, index.with_suffix(".npy").name}
    array = sorted(folder.rglob("[!.]*.npy"))[1]
    array.unlink()
    store, _ = prepare(encoder, paths, folder)
    assert all(torch.equal(store.whole(p), encoder.prepare(p).half().float()) for p in paths)


@pytest.mark.usefixtures("small_shards")
def test_a_changed_file_is_prepared_again(encoder: MelCnn, paths: list[Path], tmp_path: Path) -> None:
    prepare(encoder, paths, tmp_path / "store")
    soundfile.write(paths[4], tone(999, seconds=1.4), RATE)
    store, _ = prepare(encoder, paths, tmp_path / "store")
    assert torch.equal(store.whole(paths[4]), encoder.prepare(paths[4]).half().float())


@pytest.mark.usefixtures("small_shards")
def test_bad_files_are_listed_every_time_and_mended_ones_come_back(
    encoder: MelCnn, paths: list[Path], tmp_path: Path
) -> None:
    good = paths[1].read_bytes()
    paths[1].write_bytes(b"")
    paths[2].write_text("no sound", encoding="utf-8")
    absent = tmp_path / "absent.wav"
    for _ in range(2):
        store, skipped = prepare(encoder, [*paths, absent], tmp_path / "store")
        assert skipped == [str(paths[1]), str(paths[2]), str(absent)]
        assert paths[1] not in store and paths[3] in store
    paths[1].write_bytes(good)
    store, skipped = prepare(encoder, [*paths, absent], tmp_path / "store")
    assert skipped == [str(paths[2]), str(absent)] and paths[1] in store


def test_nothing_but_bad_files(encoder: MelCnn, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    store, skipped = prepare(encoder, [tmp_path / "a.wav"], tmp_path / "store")
    assert skipped == [str(tmp_path / "a.wav")] and tmp_path / "a.wav" not in store
    assert prepare(encoder, [], tmp_path / "store")[1] == []


@pytest.mark.parametrize(
    "options",
    [
        {"bands": 20},
        {"mean": 0.3},
        {"deviation": 0.5},
        {"frame_hop": 256},
        {"window_seconds": 1.0},
        {"lowest_hertz": 90.0},
    ],
)
def test_every_setting_of_the_front_end_has_its_own_store(encoder: MelCnn, options: dict[str, object]) -> None:
    assert front_end_key(encoder) == front_end_key(make_encoder()), "weights do not matter"
    assert front_end_key(encoder) != front_end_key(make_encoder(**options))
    assert front_end_key(SampleCnn()) not in {front_end_key(encoder)}


def test_another_process_maps_the_same_file(encoder: MelCnn, paths: list[Path], tmp_path: Path) -> None:
    store, _ = prepare(encoder, paths, tmp_path / "store")
    sent = pickle.dumps(store)
    assert len(sent) < 3_000 < store.whole(paths[6]).numel() * 2 * len(paths)
    arrived: PreparedStore = pickle.loads(sent)
    assert all(torch.equal(arrived.whole(p), store.whole(p)) for p in paths)


KILLED = """
import sys
from pathlib import Path
import crossmodal.prepared as prepared
from tests.crossmodal.test_prepared import make_encoder
prepared.SHARD_ITEMS = 3
slow = make_encoder()
original = type(slow).prepare
def waiting(self, item):
    if str(item).endswith("4.wav"):
        print("halfway", flush=True)
        import time; time.sleep(600)
    return original(self, item)
type(slow).prepare = waiting
prepared.prepare_store(slow, [Path(p) for p in sys.argv[2:]], folder=Path(sys.argv[1]), jobs=1, quiet=True)
"""


@pytest.mark.usefixtures("small_shards")
def test_a_killed_job_goes_on_with_the_next_shard(encoder: MelCnn, paths: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "store"
    command = [sys.executable, "-c", KILLED, str(folder), *map(str, paths)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()}) as process:
        assert process.stdout is not None and process.stdout.readline() == b"halfway\n"
        process.send_signal(signal.SIGKILL)
    done = times(folder)
    assert len(done) == 2, "the first shard was finished"
    time.sleep(0.01)
    store, skipped = prepare(encoder, paths, folder)
    after = times(folder)
    assert not skipped and all(after[name] == at for name, at in done.items())
    assert all(torch.equal(store.whole(p), encoder.prepare(p).half().float()) for p in paths)
