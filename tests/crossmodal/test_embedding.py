"""Towers: what is open, what keeps its statistics, unit vectors, and which weights belong to a space."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from crossmodal.base.errors import RecipeError
from crossmodal.embedding import JointEmbedding, TowerModule, owned_state, pool_windows
from encoders.heads import Identity, Linear, Projection
from encoders.spectrogram import MelCnn


def encoder() -> MelCnn:
    return MelCnn(bands=16, channels=(4, 4, 4), pools=((1, 1), (2, 2), (2, 2)), window_seconds=1.0, dimension=6)


def batch(tower: TowerModule, count: int = 5) -> torch.Tensor:
    assert isinstance(tower.encoder, MelCnn)
    return torch.randn(count, 16, tower.encoder.window)


def opened(tower: TowerModule) -> set[str]:
    return {name for name, p in tower.named_parameters() if p.requires_grad}


def names(tower: TowerModule, module: nn.Module) -> set[str]:
    prefix = next(name for name, m in tower.named_modules() if m is module)
    return {f"{prefix}.{name}" for name, _ in module.named_parameters()}


def test_full_frozen_and_closed() -> None:
    everything = {name for name, _ in TowerModule(encoder(), Linear(6, 3)).named_parameters()}
    full, frozen = TowerModule(encoder(), Linear(6, 3)), TowerModule(encoder(), Linear(6, 3), train="frozen")
    full.set_trainable(True)
    frozen.set_trainable(True)
    assert opened(full) == everything and opened(frozen) == names(frozen, frozen.head)
    full.set_trainable(False)
    assert opened(full) == set()
    full.set_trainable(True, head=False)
    assert opened(full) == names(full, full.encoder)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_last_n_opens_exactly_those(count: int) -> None:
    tower = TowerModule(encoder(), Linear(6, 3), train=f"last:{count}")
    tower.set_trainable(True)
    layers = tower.encoder.layers()
    expected = set.union(names(tower, tower.head), *(names(tower, layer) for layer in layers[-count:]))
    assert len(layers) == 5 and opened(tower) == expected


def test_more_layers_than_there_are() -> None:
    with pytest.raises(RecipeError, match='at most the 5 layers of MelCnn, got "last:6"'):
        TowerModule(encoder(), Linear(6, 3), train="last:6")


@pytest.mark.parametrize("train", ["frozen", "last:1", "last:3", "closed"])
def test_what_is_closed_keeps_its_statistics_and_is_bit_identical(train: str) -> None:
    tower = TowerModule(encoder(), Projection(6, 3), train="full" if train == "closed" else train)
    tower.set_trainable(train != "closed")
    tower.train()
    before = {k: v.clone() for k, v in tower.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in tower.parameters()], lr=0.1)
    loss = tower(batch(tower)).square().sum(dim=1).sub(tower(batch(tower)).sum(dim=1)).sum()
    if train != "closed":
        loss.backward()
        optimizer.step()
    changed = {k for k, v in tower.state_dict().items() if not torch.equal(before[k], v)}
    allowed: list[nn.Module] = [] if train == "closed" else [tower.head]
    if train.startswith("last:"):
        allowed += tower.encoder.layers()[-int(train[-1]) :]
    prefixes = tuple(name + "." for name, m in tower.named_modules() if any(m is a for a in allowed))
    assert all(k.startswith(prefixes) for k in changed) if prefixes else not changed
    assert train == "closed" or changed


def test_modes() -> None:
    tower = TowerModule(encoder(), Projection(6, 3), train="last:1")
    tower.set_trainable(True)
    tower.train()
    layers = tower.encoder.layers()
    assert tower.training and layers[-1].training and tower.head.training and not layers[0].training
    tower.eval()
    assert not any(m.training for m in tower.modules())


def test_vectors_have_unit_length_in_float32_whatever_the_autocast() -> None:
    embedding = JointEmbedding({"audio": TowerModule(encoder(), Identity(6))}).eval()
    with torch.autocast("cpu", torch.bfloat16):
        vectors = embedding("audio", batch(embedding.tower("audio")))
    assert vectors.dtype == torch.float32
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(5))


def test_the_whole_is_the_mean_direction() -> None:
    vectors = nn.functional.normalize(torch.randn(4, 3), dim=1)
    total = sum(vectors[i] for i in range(4))
    assert isinstance(total, torch.Tensor)
    torch.testing.assert_close(pool_windows(vectors), total / total.norm())
    torch.testing.assert_close(pool_windows(vectors[:1]), vectors[0])


def test_frozen_third_party_encoders_are_named_and_not_copied() -> None:
    def towers(train: str, *, foreign: bool) -> JointEmbedding:
        made = encoder()
        made.pretrained = {"sha256": "x"} if foreign else None
        return JointEmbedding(
            {"audio": TowerModule(encoder(), Linear(6, 3)), "other": TowerModule(made, Linear(6, 3), train=train)}
        )

    def of_other(embedding: JointEmbedding) -> set[str]:
        return {k.split(".")[2] for k in owned_state(embedding) if k.startswith("towers.other.")}

    assert of_other(towers("frozen", foreign=True)) == {"head"}
    assert of_other(towers("frozen", foreign=False)) == {"encoder", "head"}
    assert of_other(towers("last:1", foreign=True)) == {"encoder", "head"}
