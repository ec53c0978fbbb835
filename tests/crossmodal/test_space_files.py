"""Spaces on disk: what is loaded is what was saved, whole, or it is refused with the reason."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import crossmodal
from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import sha256_file
from crossmodal.space_files import FILES, load_space, save_space


def test_a_space_from_python(space_folder: Path, sounds: Path) -> None:
    space = crossmodal.load(space_folder)
    audio = space.encode("audio", [sounds / "track 00.wav", str(sounds / "track 01.wav")])
    text = space.encode("text", ["slow solemn choir"])
    for vectors, count in ((audio, 2), (text, 1)):
        assert vectors.shape == (count, 16) and vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    similarity = space.similarity(text, audio)
    assert similarity.shape == (1, 2)
    np.testing.assert_allclose(similarity, text @ audio.T, atol=1e-6)
    sequence = space.sequence("audio", sounds / "track 00.wav")
    assert sequence.vectors.shape == (len(sequence.positions), 16) and len(sequence.positions) > 1
    assert space.encode("text", []).shape == (0, 16)
    with pytest.raises(InputError, match="expected a list of items"):
        space.encode("text", "slow")
    with pytest.raises(InputError, match="time axis"):
        space.sequence("text", "slow")
    with pytest.raises(InputError, match="widths 16 and 3"):
        space.similarity(text, np.zeros((1, 3)))


def test_importing_takes_no_torch() -> None:
    code = "import sys, crossmodal, crossmodal.cli; print([m for m in ('torch', 'transformers', 'faiss') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_saving_again_keeps_vectors_and_fingerprint(space_folder: Path, tmp_path: Path) -> None:
    space = load_space(space_folder)
    again = save_space(space, tmp_path / "again")
    assert (again.fingerprint, again.vocabulary, again.works) == (space.fingerprint, space.vocabulary, space.works)
    np.testing.assert_array_equal(again.encode("text", ["low"]), space.encode("text", ["low"]))


@pytest.mark.parametrize("name", FILES)
def test_a_changed_or_missing_file_is_refused(name: str, space_copy: Path) -> None:
    path = space_copy / name
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(IntegrityError, match=f"{name} is not the file that was saved"):
        load_space(space_copy)
    path.unlink()
    with pytest.raises(IntegrityError, match=f"expected the file {name}, found none"):
        load_space(space_copy)


def forge(folder: Path, name: str, *, fingerprint: bool = False) -> None:
    """Makes the manifest state the file as it is now, as someone would who wants it to pass."""
    from crossmodal.space_files import _fingerprint

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"][name] = sha256_file(folder / name)
    if fingerprint:
        manifest["fingerprint"] = _fingerprint(manifest["files"], manifest["pretrained"])
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def test_forged_weights_do_not_pass(space_copy: Path) -> None:
    path = space_copy / "weights.safetensors"
    weights = load_file(path)
    name = next(n for n in weights if n.startswith("towers.audio") and weights[n].ndim > 1)
    weights[name] = -weights[name]
    save_file(weights, path)
    forge(space_copy, path.name)
    with pytest.raises(IntegrityError, match="fingerprint differs"):
        load_space(space_copy)
    forge(space_copy, path.name, fingerprint=True)
    with pytest.raises(IntegrityError, match="vectors are not what they were"):
        load_space(space_copy)
    del weights[name]
    save_file(weights, path)
    forge(space_copy, path.name, fingerprint=True)
    with pytest.raises(IntegrityError, match="expected the weights of its recipe"):
        load_space(space_copy)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("canary.safetensors", b"no tensors", "expected tensors"),
        ("vocabulary.json", b"[]", "list of texts in vocabulary.json"),
        ("works.json", b"{}", "list of texts in works.json"),
    ],
)
def test_forged_files_are_refused_in_one_line(name: str, content: bytes, said: str, space_copy: Path) -> None:
    (space_copy / name).write_bytes(content)
    forge(space_copy, name)
    with pytest.raises(IntegrityError, match=said) as caught:
        load_space(space_copy)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 99, "files": {}}', '{"format": 1, "files": 3}', "\udcff"]
)
def test_broken_manifests(content: str, space_copy: Path) -> None:
    (space_copy / "manifest.json").write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises((InputError, IntegrityError)):
        load_space(space_copy)


def test_no_manifest_is_no_space(space_copy: Path, tmp_path: Path) -> None:
    (space_copy / "manifest.json").unlink()
    with pytest.raises(InputError, match="run it again with --resume"):
        load_space(space_copy)
    for name in ("nowhere", tmp_path / "nowhere", "./nowhere", "~/nowhere/at/all"):
        with pytest.raises(InputError, match="expected a space's folder or name"):
            load_space(name)


def test_a_space_of_non_commercial_data_says_so_when_it_is_loaded(
    space_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    space = load_space(space_folder)
    assert not caplog.messages
    space.name = "small-nc"
    save_space(space, tmp_path / "small-nc")
    caplog.clear()
    loaded = load_space(tmp_path / "small-nc")
    assert caplog.messages == [f"crossmodal: {loaded.reference}: its training data forbid commercial use; see its card"]


def test_values_beyond_16_bits_are_kept_in_32(space_folder: Path, tmp_path: Path) -> None:
    space = load_space(space_folder)
    before = space.encode("text", ["low"])
    name, huge = next((k, v) for k, v in space.embedding.state_dict().items() if k.endswith("running_var"))
    huge.fill_(1e6)
    changed = save_space(space, tmp_path / "half", half=True)
    stored = load_file(tmp_path / "half" / "weights.safetensors")
    assert stored[name].dtype == np.float32 and (stored[name] == 1e6).all()
    assert {array.dtype for array in stored.values()} >= {np.dtype(np.float16), np.dtype(np.float32)}
    assert np.isfinite(changed.encode("text", ["low"])).all()
    np.testing.assert_allclose(changed.encode("text", ["low"]), before, atol=2e-2)
