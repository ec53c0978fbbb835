"""Album covers -> vectors: ResNets of torchvision (He et al. 2016), all of one or its first stages, from scratch or from ImageNet weights.

A cover is prepared as its central square, brought to `size` pixels, uint8 (3, size, size).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from crossmodal.base.errors import InputError, IntegrityError, RecipeError
from crossmodal.base.names import nearest
from crossmodal.base.pictures import read_picture
from encoders.encoder import Encoder

if TYPE_CHECKING:
    from torchvision.models import ResNet, WeightsEnum

BACKBONES = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels, in [0, 1]


class ImageEncoder(Encoder):
    """Base of the encoders of pictures. size: pixels of the square that they see."""

    modality: ClassVar[str] = "image"
    size: int

    def prepare(self, item: object) -> Tensor:
        """A file, its bytes or pixels (h, w, 3) uint8 -> (3, size, size) uint8. Raises InputError with the reason."""
        if not isinstance(item, (str, Path, bytes, np.ndarray)):
            raise InputError(
                f"expected a picture as a path, bytes or pixels, got {type(item).__name__}; give one of them"
            )
        import cv2

        pixels = read_picture(item)
        height, width = pixels.shape[:2]
        side = min(height, width)
        top, left = (height - side) // 2, (width - side) // 2
        square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
        kind = cv2.INTER_AREA if side >= self.size else cv2.INTER_LINEAR
        return torch.from_numpy(
            cv2.resize(square, (self.size, self.size), interpolation=kind).transpose(2, 0, 1).copy()
        )


class Covers(ImageEncoder):
    """A ResNet of torchvision, average pooling over the last map.

    backbone: its name there; stages: how many of its four are kept (three of resnet18 are 2.8 million weights, four 11); weights: the name
    of torchvision's ImageNet weights ("IMAGENET1K_V1") that a training begins with where their file lies in `folder` (default:
    torch's cache) under torchvision's own name or as .safetensors; where it does not, and with None, a training begins from
    scratch; or a .safetensors file with other weights of the network. Nothing is ever downloaded; the card says which it was. dropout:
    before the output.
    """

    def __init__(
        self, *, backbone: str = "resnet18", stages: int = 3, size: int = 128, weights: str | None = None,
        folder: str | None = None, dropout: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__()
        import torchvision

        if backbone not in BACKBONES:
            raise RecipeError(
                f'covers: expected one of the backbones {", ".join(BACKBONES)}, got "{backbone}".{nearest(backbone, BACKBONES)}'
            )
        if not 1 <= stages <= 4 or size < 32:
            raise RecipeError(f"covers: expected 1 to 4 stages and at least 32 pixels, got {stages} and {size}")
        self.size, self.backbone, self.stages, self.weights, self.folder = size, backbone, stages, weights, folder
        if weights is not None and not weights.endswith(".safetensors"):
            self._named_weights()
        build: Callable[..., ResNet] = getattr(torchvision.models, backbone)
        network = build(weights=None)
        self.network = _first_stages(network, stages)
        with torch.inference_mode():
            self.dimension = self.network.eval()(torch.zeros(1, 3, 32, 32)).shape[1]
        self.network.train()
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("mean", 255 * torch.tensor(_MEAN)[:, None, None], persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(_DEVIATION)[:, None, None], persistent=False)
        self.to(memory_format=torch.channels_last)

    mean: Tensor
    deviation: Tensor

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, 3, size, size) in [0, 255] -> (n, dimension)."""
        standard = (batch.float() - self.mean) / self.deviation
        vectors: Tensor = self.dropout(self.network(standard.contiguous(memory_format=torch.channels_last)))
        return vectors

    def layers(self) -> list[nn.Module]:
        """The stem and the stages."""
        network = self.network
        stem = nn.Sequential(network.conv1, network.bn1)
        return [stem, *(stage for n in range(1, 5) if len(stage := getattr(network, f"layer{n}", nn.Sequential())))]

    def begin(self) -> str:
        """Loads the weights that a training shall begin with. Returns what the card says of it.

        InputError where a file is named that is not there; IntegrityError where it is not what its name promises.
        """
        if self.weights is None:
            return f"{self.backbone} from scratch"
        if self.weights.endswith(".safetensors"):
            if not Path(self.weights).is_file():
                raise InputError(
                    f"weights: expected a file, found none at {self.weights}; leave it out to begin from scratch"
                )
            return f"{self.backbone} from {Path(self.weights).name} (sha256 {self._load(Path(self.weights))})"
        named = self._named_weights()
        found = self._weights_file(named)
        if found is None:
            name = Path(named.url).name
            return f"{self.backbone} from scratch ({self.weights} was asked for, but {name} was not found)"
        return f"{self.backbone} from torchvision's {self.weights} ({found.name}, sha256 {self._load(found)})"

    def _load(self, path: Path) -> str:
        """Takes over the weights of a file that holds at least those of the stages; returns its sha256."""
        state = _read_weights(path)
        own = self.network.state_dict()
        missing = [key for key in own if key not in state or state[key].shape != own[key].shape]
        if missing:
            raise IntegrityError(
                f"{path}: expected the weights of {self.backbone}, got others ({missing[0]}); fetch it again"
            )
        self.network.load_state_dict({key: state[key] for key in own})
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def _named_weights(self) -> WeightsEnum:
        from torchvision.models import get_model_weights

        known = get_model_weights(self.backbone)
        if self.weights not in known.__members__:
            names = list(known.__members__)
            raise RecipeError(f'covers: expected weights named {" or ".join(names)}, got "{self.weights}"')
        found: WeightsEnum = known[self.weights]
        return found

    def _weights_file(self, named: WeightsEnum) -> Path | None:
        folder = Path(self.folder).expanduser() if self.folder else Path(torch.hub.get_dir()) / "checkpoints"
        path = folder / Path(named.url).name
        return next((p for p in (path.with_suffix(".safetensors"), path) if p.is_file()), None)


def _first_stages(network: ResNet, stages: int) -> ResNet:
    """The network without its classifier and its last stages; what is left keeps torchvision's names."""
    network.fc = nn.Identity()
    for number in range(stages + 1, 5):
        setattr(network, f"layer{number}", nn.Sequential())
    return network


def _read_weights(path: Path) -> dict[str, Tensor]:
    """Tensors by name. torchvision's names end in the first digits of the file's sha256, which are checked."""
    if path.suffix == ".safetensors":
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except (OSError, SafetensorError) as error:
            raise IntegrityError(
                f"{path}: expected tensors (safetensors), got something else ({error}); fetch it again"
            ) from None
    digits = path.stem.rpartition("-")[2]
    if not hashlib.sha256(path.read_bytes()).hexdigest().startswith(digits):
        raise IntegrityError(f"{path}: expected a file whose sha256 begins with {digits}, got another; fetch it again")
    from pickle import UnpicklingError

    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise IntegrityError(
            f"{path}: expected the weights of a network, got something else ({reason}); fetch it again"
        ) from None
    return state
