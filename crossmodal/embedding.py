"""`JointEmbedding`: one tower (encoder + head) for each modality, all into one space of unit vectors."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from encoders.encoder import Encoder


class TowerModule(nn.Module):
    """An encoder, its head and how much of the encoder is trained: "full", "frozen" or "last:N" layers."""

    def __init__(self, encoder: Encoder, head: nn.Module, *, train: str = "full") -> None:
        super().__init__()
        self.encoder, self.head, self.train_mode = encoder, head, train

    @property
    def frozen(self) -> bool:
        """Whether the encoder never changes (its outputs can be cached)."""
        return self.train_mode == "frozen"

    def set_trainable(self, trainable: bool) -> None:
        """Opens the parts that the recipe trains, or closes everything."""
        for parameter in self.parameters():
            parameter.requires_grad_(False)
        if not trainable:
            return
        for parameter in self.head.parameters():
            parameter.requires_grad_(True)
        if self.train_mode == "full":
            opened: list[nn.Module] = [self.encoder]
        elif self.frozen:
            opened = []
        else:
            opened = self.encoder.layers()[-int(self.train_mode.partition(":")[2]) :]
        for module in opened:
            for parameter in module.parameters():
                parameter.requires_grad_(True)

    def train(self, mode: bool = True) -> TowerModule:
        """As in torch, but a frozen encoder keeps its running statistics and uses no dropout."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, batch: object) -> Tensor:
        """Batch of the encoder -> (n, d) unit vectors."""
        return self.project(self.encoder(batch))

    def project(self, features: Tensor) -> Tensor:
        """Encoder outputs (n, e) -> (n, d) unit vectors, float32 whatever the autocast."""
        return normalize(self.head(features).float(), dim=-1)


class JointEmbedding(nn.Module):
    """{modality: tower}. All towers end in the same dimension."""

    def __init__(self, towers: Mapping[str, TowerModule]) -> None:
        super().__init__()
        self.towers = nn.ModuleDict(dict(towers))

    def tower(self, modality: str) -> TowerModule:
        """The tower of a modality."""
        tower = self.towers[modality]
        assert isinstance(tower, TowerModule)
        return tower

    def forward(self, modality: str, batch: object) -> Tensor:
        """Batch -> (n, d) unit vectors."""
        vectors: Tensor = self.tower(modality)(batch)
        return vectors


def pool_windows(vectors: Tensor) -> Tensor:
    """Unit vectors of a recording's windows (t, d) -> the unit vector of the whole (d,): their mean direction."""
    return normalize(vectors.mean(dim=0), dim=0)


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
    """Where a module's weights are."""
    return next((p.device for p in module.parameters()), torch.device("cpu"))
