"""That the synthesizer plays in tune with the font it is given."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.base.errors import InputError
from encoders.constant_q import LOWEST_PITCH, ConstantQ
from pairs.facts import Performance
from pairs.notes import Part
from pairs.rendering import sound_font, synthesize
from pairs.sound_fonts import in_tune, with_root_keys

PIANO, VIOLIN, CELLO, FLUTE = 0, 40, 42, 73


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of the test's own."""
    monkeypatch.setenv("CROSSMODAL_HOME", str(tmp_path))
    in_tune.cache_clear()
    return tmp_path / "cache"


@pytest.mark.parametrize("program", [PIANO, VIOLIN, CELLO, FLUTE])
def test_a_scale_is_heard_at_its_pitches(program: int, cache: Path) -> None:
    pitch = np.arange(52, 77, 3)
    onset = np.arange(len(pitch), dtype=np.float64) * 0.6
    part = Part("scale", onset, np.full(len(pitch), 0.5), pitch, np.full(len(pitch), 90), program)
    samples = synthesize(Performance((part,), ("piano",)), font=in_tune(sound_font()))
    transform = ConstantQ()
    for begin, key in zip(onset, pitch, strict=True):
        heard = torch.from_numpy(samples[int(begin * 22050) : int((begin + 0.5) * 22050)])[None]
        loudness = transform.magnitude(heard).mean(-1)[0].numpy()
        # The fundamental or a partial of it is the loudest, whatever the instrument.
        assert (loudness.argmax() + LOWEST_PITCH - key) % 12 in (0, 7)
        assert loudness[key - LOWEST_PITCH] > 2 * np.median(loudness)
    assert len(list((cache / "sound-fonts").glob("*.sf2"))) == 1


def test_sizes_add_up_and_samples_stay() -> None:
    data = sound_font().read_bytes()
    tuned = with_root_keys(data)
    assert struct.unpack_from("<I", tuned, 4)[0] == len(tuned) - 8
    assert (len(tuned) - len(data)) % 46 == 0
    at = data.index(b"smpl")
    size = struct.unpack_from("<I", data, at + 4)[0]
    assert tuned[at : at + 8 + size] == data[at : at + 8 + size]
    assert with_root_keys(tuned) == tuned


def test_no_font_is_refused(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(InputError, match="expected a sound font"):
        in_tune(tmp_path / "none.sf2")
    wrong = tmp_path / "wrong.sf2"
    wrong.write_bytes(b"RIFF\x04\x00\x00\x00WAVE")
    with pytest.raises(InputError, match="expected a sound font"):
        in_tune(wrong)
