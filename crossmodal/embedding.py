"""`JointEmbedding`: one tower (encoder + head) for each modality, all into one space of unit vectors (or of hashes)."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from crossmodal.base.errors import RecipeError
from crossmodal.facets import Facets
from crossmodal.objectives.similarity import Bilinear, Cosine, Similarity
from encoders.encoder import AudioEncoder, Encoder, SequenceEncoder


class TowerModule(nn.Module):
    """An encoder, its head and how much of the encoder is trained: "full", "frozen" or "last:N" layers."""

    def __init__(self, encoder: Encoder, head: nn.Module, *, train: str = "full") -> None:
        super().__init__()
        self.encoder, self.head, self.train_mode = encoder, head, train
        self.facets: Facets | None = None  # of the space, which gives them
        self._open = [*self._trained_parts(), head]

    @property
    def frozen(self) -> bool:
        """Whether the encoder never changes (its outputs can be cached)."""
        return self.train_mode == "frozen"

    @property
    def dimension(self) -> int:
        """Width of the tower's vectors."""
        training = self.head.training
        weight = next(itertools.chain(self.head.parameters(), self.head.buffers()), torch.zeros(0))
        with torch.inference_mode():
            width = self.head.eval()(weight.new_zeros(1, self.encoder.dimension)).shape[1]
        self.head.train(training)
        return int(width)

    def _trained_parts(self) -> list[nn.Module]:
        """What of the encoder the recipe trains."""
        if self.train_mode in {"full", "frozen"}:
            return [] if self.frozen else [self.encoder]
        layers, count = self.encoder.layers(), int(self.train_mode.partition(":")[2])
        if not 1 <= count <= len(layers):
            name = type(self.encoder).__name__
            raise RecipeError(
                f'train: expected at most the {len(layers)} layers of {name}, got "{self.train_mode}"; use "full" for all'
            )
        return layers[-count:]

    def set_trainable(self, trainable: bool, *, head: bool = True) -> None:
        """Opens the parts that the recipe trains (and the head), or closes everything."""
        self._open = [*self._trained_parts(), *([self.head] if head else [])] if trainable else []
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        for module in self._open:
            for parameter in module.parameters():
                parameter.requires_grad_(True)

    def train(self, mode: bool = True) -> TowerModule:
        """As in torch, but what is closed keeps its running statistics and uses no dropout."""
        super().train(False)
        self.training = mode
        for module in self._open:
            module.train(mode)
        return self

    def forward(self, batch: object) -> Tensor:
        """Batch of the encoder -> (n, d) unit vectors."""
        return self.project(self.encoder(batch))

    def project(self, features: Tensor) -> Tensor:
        """Encoder outputs (n, e) -> (n, d) unit vectors, float32 whatever the autocast; hashes keep their length."""
        vectors = projected(self.head, features)
        return vectors if self.facets is None or not getattr(self.head, "unit", True) else self.facets.unit(vectors)


def projected(head: nn.Module, features: Tensor) -> Tensor:
    """Features (n, e) through a head, float32; of unit length unless the head says that its vectors' length is meant."""
    vectors: Tensor = head(features).float()
    return normalize(vectors, dim=-1) if getattr(head, "unit", True) else vectors


class SymmetricBilinear(Bilinear):
    """s(q, t) = q (W + W') t / 2 with a learned matrix W (COLA, Saeed et al. 2021), the same from either side.

    A space is searched in both directions; that the form is symmetric costs nothing where a tower ends in a linear head.
    """

    def compare(self, queries: Tensor, targets: Tensor) -> Tensor:
        return self.fold(queries) @ targets.T

    def fold(self, queries: Tensor) -> Tensor:
        with torch.autocast(queries.device.type, enabled=False):
            return queries.float() @ (self.weight + self.weight.T).float() / 2


class JointEmbedding(nn.Module):
    """{modality: tower}. All towers end in the same dimension. `similarity` compares their vectors; `facets`: sub-spaces of them."""

    def __init__(
        self, towers: Mapping[str, TowerModule], *, similarity: Similarity | None = None, facets: Facets | None = None
    ) -> None:
        super().__init__()
        self.towers = nn.ModuleDict(dict(towers))
        self.similarity = similarity or Cosine()
        self.facets = facets
        for tower in towers.values():
            tower.facets = facets

    def tower(self, modality: str) -> TowerModule:
        """The tower of a modality."""
        tower = self.towers[modality]
        assert isinstance(tower, TowerModule)
        return tower

    @property
    def recordings(self) -> list[str]:
        """The towers of sound: "audio", or several kinds of recording ("voice", "mix")."""
        return [modality for modality in self.towers if isinstance(self.tower(modality).encoder, AudioEncoder)]

    def forward(self, modality: str, batch: object) -> Tensor:
        """Batch -> (n, d) unit vectors."""
        vectors: Tensor = self.tower(modality)(batch)
        return vectors


def pool_windows(vectors: Tensor, facets: Facets | None = None) -> Tensor:
    """Unit vectors of a recording's windows (t, d) -> the unit vector of the whole (d,): their mean direction, in each facet."""
    mean = vectors.mean(dim=0)
    return normalize(mean, dim=0) if facets is None else facets.unit(mean)


STEPS_AT_ONCE = 256


def along(tower: TowerModule, windows: Tensor) -> Tensor:
    """One stretch (..., t) of a sequence of any length -> unit vectors (ceil(t / step), d), in pieces that overlap by what one sees."""
    encoder = tower.encoder
    assert isinstance(encoder, SequenceEncoder)
    step = encoder.step
    margin = -(-encoder.reach // step)
    count = -(-windows.shape[-1] // step)
    device = device_of(tower)
    parts = []
    with torch.inference_mode():
        for first in range(0, count, STEPS_AT_ONCE):
            begin = max(0, first - margin)
            piece = windows[..., begin * step : (first + STEPS_AT_ONCE + margin) * step]
            features = encoder.along(piece[None].to(device))[0]
            parts.append(tower.project(features[first - begin : first - begin + STEPS_AT_ONCE]).cpu())
    return torch.cat(parts)


def owned_state(embedding: JointEmbedding) -> dict[str, Tensor]:
    """The weights that belong to a space: all but frozen third-party encoders, which are named and never copied."""
    foreign = tuple(
        f"towers.{modality}.encoder."
        for modality in embedding.towers
        if embedding.tower(modality).frozen and embedding.tower(modality).encoder.pretrained is not None
    )
    state = embedding.state_dict()
    return {k: v.detach().cpu().contiguous() for k, v in state.items() if not (foreign and k.startswith(foreign))}


def device_of(module: nn.Module) -> torch.device:
    """Where a module's weights are; some have none but buffers."""
    # One after the other, not all at once: it is asked for every word that is encoded
    return next((state.device for state in itertools.chain(module.parameters(), module.buffers())), torch.device("cpu"))
