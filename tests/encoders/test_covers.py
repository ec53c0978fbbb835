"""The tower of covers: what it sees, which weights it begins with, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from crossmodal.base.errors import InputError, IntegrityError, RecipeError
from encoders.covers import Covers


def test_sees_the_central_square(tmp_path: Path) -> None:
    pixels = np.zeros((40, 100, 3), np.uint8)
    pixels[:, 30:70] = (0, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    seen = Covers(stages=1, size=32).prepare(tmp_path / "wide.png")
    assert seen.shape == (3, 32, 32) and seen.dtype == torch.uint8
    assert (seen[1] == 255).all() and (seen[0] == 0).all()


@pytest.mark.parametrize(("stages", "dimension"), [(1, 64), (2, 128), (3, 256), (4, 512)])
def test_keeps_the_first_stages_under_torchvisions_names(stages: int, dimension: int) -> None:
    import torchvision

    encoder = Covers(stages=stages)
    whole = torchvision.models.resnet18(weights=None)
    assert encoder.dimension == dimension
    own = encoder.network.state_dict()
    assert set(own) < set(whole.state_dict()) and all(not key.startswith("fc.") for key in own)
    whole.load_state_dict(own, strict=False)
    features = torch.nn.Sequential(
        whole.conv1, whole.bn1, whole.relu, whole.maxpool,
        *[getattr(whole, f"layer{n}") for n in range(1, stages + 1)], torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
    ).eval()  # fmt: skip
    pictures = torch.randint(0, 256, (2, 3, 64, 64), dtype=torch.uint8)
    mean, deviation = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    standard = (pictures / 255 - mean[:, None, None]) / deviation[:, None, None]
    with torch.inference_mode():
        torch.testing.assert_close(encoder.eval()(pictures), features(standard), rtol=1e-4, atol=1e-4)


def weights_file(folder: Path, *, pickled: bool) -> Path:
    """Weights of another resnet18 under the name of torchvision's file."""
    import torchvision

    torch.manual_seed(3)
    state = torchvision.models.resnet18(weights=None).state_dict()
    if not pickled:
        save_file(state, folder / "resnet18-f37072fd.safetensors")
        return folder / "resnet18-f37072fd.safetensors"
    torch.save(state, folder / "resnet18-f37072fd.pth")
    return folder / "resnet18-f37072fd.pth"


def test_begins_with_named_weights_where_they_lie(tmp_path: Path) -> None:
    encoder = Covers(stages=2, weights="IMAGENET1K_V1", folder=str(tmp_path))
    before = encoder.network.conv1.weight.detach().clone()
    assert "from scratch (IMAGENET1K_V1 was asked for, but resnet18-f37072fd.pth was not found)" in encoder.begin()
    assert torch.equal(encoder.network.conv1.weight, before)
    path = weights_file(tmp_path, pickled=False)
    told = encoder.begin()
    assert "torchvision's IMAGENET1K_V1" in told and hashlib.sha256(path.read_bytes()).hexdigest() in told
    assert not torch.equal(encoder.network.conv1.weight, before)
    assert Covers(stages=1).begin() == "resnet18 from scratch"


def test_begins_with_the_weights_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "own.safetensors"
    encoder = Covers(stages=1, weights=str(path))  # a space that was trained so loads without the file
    with pytest.raises(InputError, match="found none"):
        encoder.begin()
    other = Covers(stages=2)
    save_file({k: v.contiguous() for k, v in other.network.state_dict().items()}, path)
    assert "from own.safetensors (sha256 " in encoder.begin()
    assert torch.equal(encoder.network.conv1.weight, other.network.conv1.weight)


def test_weights_that_are_not_what_their_name_says_are_refused(tmp_path: Path) -> None:
    weights_file(tmp_path, pickled=True)
    with pytest.raises(IntegrityError, match="sha256 begins with f37072fd"):
        Covers(stages=1, weights="IMAGENET1K_V1", folder=str(tmp_path)).begin()
    save_file({"conv1.weight": torch.zeros(1)}, tmp_path / "resnet18-f37072fd.safetensors")
    with pytest.raises(IntegrityError, match="weights of resnet18"):
        Covers(stages=1, weights="IMAGENET1K_V1", folder=str(tmp_path)).begin()
    (tmp_path / "resnet18-f37072fd.safetensors").write_bytes(b"no tensors")
    with pytest.raises(IntegrityError, match="safetensors"):
        Covers(stages=1, weights="IMAGENET1K_V1", folder=str(tmp_path)).begin()


@pytest.mark.parametrize(
    "arguments", [{"backbone": "resnet19"}, {"stages": 5}, {"stages": 0}, {"size": 8}, {"weights": "IMAGENET"}]
)
def test_what_does_not_exist_is_refused(arguments: dict[str, object]) -> None:
    with pytest.raises(RecipeError, match="expected"):
        Covers(**arguments)  # type: ignore[arg-type]
