"""What `audio-sheet-nc` is taught further on: only the half to tune on, with every note at the pianist's second."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue
from pairs.nasap import half
from pairs.nasap_collection import LICENCE, build_nasap_collection
from pairs.sheet_music import read_sheet
from tests.pairs.small_nasap import make_nasap, melody, performed, pitch

PIECES = ("Bach/Plain", "Bach/Twice", "Haydn/Both")
needs_fluidsynth = pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="fluidsynth is not installed")


def tuned_on() -> list[str]:
    return [piece for piece in PIECES if half(*piece.split("/")) == "tune"]


@needs_fluidsynth
@pytest.mark.slow
def test_only_the_half_to_tune_on_with_notes_at_the_performed_seconds(tmp_path: Path) -> None:
    nasap = make_nasap(tmp_path / "nasap")
    catalogue = build_nasap_collection(nasap, tmp_path / "made", performances=1, invented=1, jobs=1, quiet=True)
    items = read_catalogue(catalogue).items
    assert 0 < len(tuned_on()) < len(PIECES)  # else this test says nothing of the other half
    assert {item.work for item in items} == {f"nasap-{piece}" for piece in tuned_on()}
    assert {item.fields["licence"] for item in items} == {LICENCE}
    assert {str(item.fields["kind"]) for item in items} == {"human", "invented-performance"}
    for item in items:
        sheet, sound = read_sheet(item.files["sheet"]), soundfile.info(item.files["audio"])
        assert len(sheet.pitch) and np.isfinite(sheet.seconds).all() and sheet.seconds.max() < sound.duration
        assert (sheet.column < len(sheet.bands)).all()
    human = next(item for item in items if item.fields["kind"] == "human")
    sheet = read_sheet(human.files["sheet"])
    count = len(melody()) * (2 if "Plain" not in human.work else 1)
    moments = performed(count)
    assert set(sheet.pitch.tolist()) <= {pitch(step) for step in range(14)}
    assert np.abs(np.subtract.outer(sheet.seconds, moments)).min(axis=1).max() < 0.02


@needs_fluidsynth
@pytest.mark.slow
def test_a_second_run_makes_nothing_anew(tmp_path: Path) -> None:
    nasap = make_nasap(tmp_path / "nasap")

    def made() -> dict[str, int]:
        build_nasap_collection(nasap, tmp_path / "made", performances=0, invented=1, jobs=1, quiet=True)
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "made").rglob("*.flac")}

    first = made()
    assert len(first) == len(tuned_on())
    assert made() == first


def test_a_folder_that_is_not_nasap_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"metadata\.csv"):
        build_nasap_collection(tmp_path, tmp_path / "made", quiet=True)
