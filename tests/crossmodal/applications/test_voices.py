"""Voices in searches: alone or within a mix, and the answer where nobody sings; on spaces with random weights."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.encoding import usual_modality
from crossmodal.applications.indexing import build_index
from crossmodal.applications.show import ranking
from crossmodal.applications.voices import (
    SUNG,
    UNACCOMPANIED,
    WITHIN,
    NoVoiceError,
    calibrate_voices,
    listen,
    query_modality,
    sung_vector,
)  # fmt: skip
from crossmodal.base.errors import InputError
from crossmodal.calibration import FILE
from crossmodal.space import Space

RATE = 22_050


def noise(seed: int, *, seconds: float = 7.0, low: bool = False) -> np.ndarray:
    """White noise, or noise without its high frequencies."""
    samples = 0.1 * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return (np.convolve(samples, np.ones(40) / 8, mode="same") if low else samples).astype(np.float32)


def buzz(pitch: float, *, seconds: float = 7.0) -> np.ndarray:
    """A harmonic sound with vibrato."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.02 * np.sin(2 * np.pi * 5.5 * time))) / RATE
    return np.asarray(0.05 * np.sin(phase[:, None] * np.arange(1, 15)).sum(axis=1), np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins that random weights tell apart: buzzes for voices, buzz with noise for mixes, dull noise for instruments."""
    folder = tmp_path_factory.mktemp("recordings")
    for number in range(3):
        alone = buzz(150 + 30 * number)
        given = {"alone": alone, "within": alone + noise(number), "without": noise(number, low=True)}
        for kind, samples in given.items():
            soundfile.write(folder / f"{kind}-{number}.wav", 0.3 * samples / np.abs(samples).max(), RATE)
    return folder


@pytest.fixture(scope="module")
def calibrated(voice_space: Space, files: Path, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The same space, in a folder of its own, that learned to hear."""
    from crossmodal.space_files import load_space

    folder = tmp_path_factory.mktemp("calibrated") / "voices"
    shutil.copytree(voice_space.location, folder)
    found = load_space(folder)
    kinds = {kind: sorted(files.glob(f"{kind}-*.wav")) for kind in ("alone", "within", "without")}
    made = calibrate_voices(found, voices=kinds["alone"], mixes=kinds["within"], backings=kinds["without"], data="test")
    assert set(made) == {SUNG, UNACCOMPANIED} and made[SUNG].examples == 2 * made[UNACCOMPANIED].examples
    assert (folder / FILE).is_file()
    return found


def test_what_is_heard(calibrated: Space, files: Path) -> None:
    assert query_modality(calibrated, files / "alone-0.wav") == "voice"
    assert query_modality(calibrated, files / "within-0.wav") == "mix"
    with pytest.raises(NoVoiceError, match="no voice was found"):
        query_modality(calibrated, files / "without-0.wav")


def test_a_space_that_was_not_calibrated_asks_for_the_modality(voice_space: Space, files: Path) -> None:
    space = voice_space
    assert listen(space, files / "alone-0.wav") is None
    with pytest.raises(InputError, match="--modality voice or mix"):
        query_modality(space, files / "alone-0.wav")
    whole = space.encode(WITHIN, [files / "without-0.wav"])[0]
    np.testing.assert_allclose(sung_vector(space, WITHIN, files / "without-0.wav"), whole, atol=1e-6)


def test_only_the_windows_with_singing_count(calibrated: Space, files: Path, tmp_path: Path) -> None:
    voice, instruments = (soundfile.read(files / f"{kind}-1.wav")[0] for kind in ("within", "without"))
    soundfile.write(tmp_path / "late.wav", np.concatenate([instruments, instruments, voice]), RATE)
    heard = listen(calibrated, tmp_path / "late.wav")
    assert heard is not None and heard.anybody and not heard.windows[:4].any() and heard.windows[-2:].all()
    made = sung_vector(calibrated, WITHIN, tmp_path / "late.wav")
    mine, other = calibrated.encode(WITHIN, [files / "within-1.wav", files / "without-1.wav"])
    assert np.linalg.norm(made) == pytest.approx(1.0, abs=1e-5) and made @ mine > made @ other


def test_indexing_and_searching(calibrated: Space, files: Path, tmp_path: Path) -> None:
    assert usual_modality(calibrated) == "mix"
    mixes = [path for path in sorted(files.glob("*.wav")) if not path.name.startswith("alone")]
    done = build_index(calibrated, mixes, tmp_path / "index", quiet=True)
    assert done.items == 3 and {Path(s.path).name[:7] for s in done.skipped} == {"without"}
    assert all("no voice was found" in s.reason for s in done.skipped)
    opened = SearchableIndex.open(tmp_path / "index", space=calibrated)
    found = opened.search(files / "within-2.wav")
    assert found.query.modality == "mix" and found.results[0].id == "within-2.wav" and not found.abstained
    assert found.results[0].similarity == pytest.approx(1.0, abs=1e-4)
    assert opened.search(files / "alone-2.wav").query.modality == "voice"
    nothing = opened.search(files / "without-0.wav")
    assert nothing.abstained and not nothing.results and "no voice was found" in nothing.warnings[0]
    assert ranking(nothing).endswith("no voice was found") and "no answer: " in ranking(nothing)
    said = opened.search_many({"audio": files / "alone-2.wav"}, kind="mix")
    assert said.query.modality == "mix"
    with pytest.raises(InputError, match="--modality: expected voice or mix"):
        opened.search_many({"audio": files / "alone-2.wav"}, kind="cover")


def test_calibration_needs_all_three_kinds(calibrated: Space, files: Path) -> None:
    with pytest.raises(InputError, match="got none of one of them"):
        calibrate_voices(
            calibrated, voices=[files / "alone-0.wav"], mixes=[files / "within-0.wav"], backings=[], data=""
        )
