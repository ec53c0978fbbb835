"""The Lightning module: which weights move, caches, the weighted sum, augmentations, schedule and logs."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from crossmodal.assembly import build_objective
from crossmodal.augmentation import Equalize
from crossmodal.base.errors import RecipeError
from crossmodal.comparing import compare
from crossmodal.data import Batch
from crossmodal.embedding import JointEmbedding, SymmetricBilinear, TowerModule
from crossmodal.objectives.info_nce import InfoNCE
from crossmodal.recipe_parts import ComparisonPart
from crossmodal.stages.learning import Learning, _reciprocal_rank
from encoders.heads import Linear
from encoders.sentences import Sentences
from encoders.spectrogram import MelCnn
from encoders.words import WordVectors
from tests.crossmodal.stages.making import learning, parts, run, source, state, training


def moved(module: Learning, before: dict[str, torch.Tensor]) -> set[str]:
    return {k for k, v in module.state_dict().items() if not torch.equal(before[k], v)}


def test_a_frozen_tower_stays_bit_identical_and_its_head_learns(tmp_path: Path) -> None:
    settings = training()
    module = learning(settings, modes=("frozen", "full"))
    before = state(module)
    run(module, settings, tmp_path)
    names = moved(module, before)
    assert not any(n.startswith("embedding.towers.left.encoder.") for n in names)
    assert {"embedding.towers.left.head.weight", "embedding.towers.right.encoder.first.weight"} <= names


def test_a_tower_that_is_not_in_train_stays_as_it_is(tmp_path: Path) -> None:
    settings = training()
    module = learning(settings, train=["right"])
    before = state(module)
    run(module, settings, tmp_path)
    assert not any(n.startswith("embedding.towers.left.") for n in moved(module, before))


def test_last_layers_only(tmp_path: Path) -> None:
    settings = training()
    module = learning(settings, modes=("last:1", "full"))
    before = state(module)
    run(module, settings, tmp_path)
    left = {n.removeprefix("embedding.towers.left.") for n in moved(module, before) if ".left." in n}
    assert left == {"encoder.second.weight", "encoder.second.bias", "head.weight", "head.bias"}


def test_a_learned_temperature_learns_and_a_fixed_one_does_not(tmp_path: Path) -> None:
    settings = training()
    module = learning(settings)
    objective = module.objectives[0]
    assert isinstance(objective, InfoNCE) and objective.temperature.value == pytest.approx(0.2)
    run(module, settings, tmp_path / "learned")
    assert objective.temperature.value != pytest.approx(0.2, abs=1e-4)
    fixed = learning(settings, chosen=parts({"type": "info-nce", "arguments": {"temperature": 0.2}}))
    run(fixed, settings, tmp_path / "fixed")
    assert isinstance(fixed.objectives[0], InfoNCE) and fixed.objectives[0].temperature.value == pytest.approx(0.2)


def test_the_loss_is_the_weighted_sum_of_its_comparisons() -> None:
    settings = training()
    several = [
        ComparisonPart.model_validate(
            {"queries": ["left"], "targets": ["right"], "objective": {"type": "info-nce"}, "weight": 0.5}
        ),
        ComparisonPart.model_validate(
            {
                "queries": ["left", "right"],
                "targets": ["left", "right"],
                "objective": {"type": "contrastive"},
                "weight": 2.0,
            }
        ),
    ]
    module = learning(settings, chosen=several).eval()
    batch = source(module, settings)[0]
    vectors = {slot: module.vectors(batch, slot) for slot in ("left", "right")}
    total = torch.zeros(())
    for part in several:
        total = total + part.weight * build_objective(part.objective)(
            compare(vectors, batch, part.queries, part.targets)
        )
    torch.testing.assert_close(module.loss(batch)[0], total)


def test_a_slot_that_the_pairs_do_not_give() -> None:
    settings = training()
    module = learning(settings, chosen=parts(targets=["right@2"]))
    with pytest.raises(RecipeError, match=r'left, right\), got "right@2"'):
        module.loss(source(module, settings)[0])


def test_the_space_and_its_objectives_share_one_bilinear_form(tmp_path: Path) -> None:
    settings = training()
    form = SymmetricBilinear(4)
    module = learning(settings, similarity=form)
    assert module.objectives[0].similarity is form
    run(module, settings, tmp_path)
    assert not torch.equal(form.weight, torch.eye(4)) and form.weight.requires_grad
    assert sum(p is form.weight for p in module.parameters()) == 1


def text_learning(tower: TowerModule) -> Learning:
    other = TowerModule(MelCnn(bands=8, channels=(2,), pools=((1, 1),), window_seconds=0.3, dimension=4), Linear(4, 3))
    return Learning(
        JointEmbedding({"audio": other, "text": tower}),
        parts=parts(queries=["text"], targets=["audio"]),
        objectives=[InfoNCE()],
        train=["text"],
        training=training(),
        auxiliary={},
        heads={},
        augmentations=[],
        seed=0,
    )


TEXTS = ["slow choir", "a lively fiddle tune played very fast", "drum", "slow choir"]


def test_texts_of_a_frozen_tower_are_read_once_and_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    tower = TowerModule(Sentences(), Linear(384, 3), train="frozen")
    module = text_learning(tower)
    assert not tower.encoder.training
    direct = tower.encoder(tower.encoder.collate(TEXTS))
    found = module._features_of(tower, "text", list(TEXTS))
    torch.testing.assert_close(found, direct, atol=1e-5, rtol=1e-4)
    monkeypatch.setattr(module, "_encode", lambda *_: pytest.fail("read again"))
    assert torch.equal(module._features_of(tower, "text", list(TEXTS)), found)


def test_warming_reads_all_texts_beforehand(monkeypatch: pytest.MonkeyPatch) -> None:
    tower = TowerModule(Sentences(), Linear(384, 3), train="frozen")
    module = text_learning(tower)
    module.warm("text", TEXTS, quiet=True)
    module.warm("audio", TEXTS, quiet=True)  # no texts are read as sounds
    monkeypatch.setattr(module, "_encode", lambda *_: pytest.fail("read again"))
    warmed = module._features_of(tower, "text", [tower.encoder.prepare(t) for t in TEXTS])
    cosine = nn.functional.cosine_similarity(warmed, tower.encoder(tower.encoder.collate(TEXTS)))
    assert cosine.min() > 0.999, "bf16 where the processor has it"


def test_word_vectors_are_cached_by_their_words(tmp_path: Path) -> None:
    table = tmp_path / "words.txt"
    table.write_text(
        "".join(f"{w} {i}.0 {i * i}.5 1.0\n" for i, w in enumerate(("slow", "choir", "drum"))), encoding="utf-8"
    )
    tower = TowerModule(WordVectors(source=str(table)), Linear(3, 3), train="frozen")
    module = text_learning(tower)
    prepared = [tower.encoder.prepare(t) for t in ("slow choir", "drum", "choir slow", "slow")]
    direct = tower.encoder(tower.encoder.collate(prepared))
    for _ in range(2):
        torch.testing.assert_close(module._features_of(tower, "text", list(prepared)), direct)
    module.warm("text", ["slow drum"], quiet=True)
    assert len(module._features["text"]) == 5


def test_augmentations_belong_to_training_and_to_the_step() -> None:
    encoder = MelCnn(bands=8, channels=(2,), pools=((1, 1),), window_seconds=0.3, dimension=4)
    module = text_learning(TowerModule(encoder, Linear(4, 3)))
    module._augmentations = [Equalize(encoder=encoder)]
    windows = torch.rand(3, 8, encoder.window)
    module._draws = 0
    first, other_view = module._augmented(windows), module._augmented(windows)
    module._draws = 0
    assert torch.equal(first, module._augmented(windows)), "the same step draws the same"
    assert not torch.equal(first, other_view), "two views of one batch differ"
    tower = module.tower("audio")
    module.eval()
    assert torch.equal(module._features_of(tower, "audio", windows), tower.encoder(windows))


def test_one_branch_alone_may_be_augmented() -> None:
    encoder = MelCnn(bands=8, channels=(2,), pools=((1, 1),), window_seconds=0.3, dimension=4)
    module = text_learning(TowerModule(encoder, Linear(4, 3)))
    module._augmentations = [Equalize(encoder=encoder)]
    module._augmented_slots = frozenset({"audio@2"})
    module.eval()  # running statistics are still; augmentations belong to training
    windows = torch.rand(3, 8, encoder.window)
    still = module._features_of(module.tower("audio"), "audio", windows)
    module.training = True
    none = torch.zeros(3, 1)
    inputs: dict[str, object] = {"audio": windows, "audio@2": windows}
    batch = Batch(inputs, none, none[:, 0] > 0, none, torch.arange(3), None, frozenset())
    tower = module.tower("audio")
    torch.testing.assert_close(module.vectors(batch, "audio"), tower.project(still))
    assert not torch.allclose(module.vectors(batch, "audio@2"), tower.project(still))


def test_the_schedule_warms_up_and_ends_at_zero() -> None:
    settings = training(steps=100, warmup_steps=10)
    module = learning(settings)
    for step in range(100):
        expected = (step + 1) / 10 if step < 10 else 0.5 * (1 + math.cos(math.pi * (step - 10) / 90))
        assert module._factor(step) == pytest.approx(expected)
    assert module._factor(100) == pytest.approx(0.0)
    assert learning(training(steps=1, warmup_steps=50))._factor(0) == 1.0


def test_biases_norms_and_temperatures_do_not_decay() -> None:
    optimizer = learning(training(weight_decay=0.3)).configure_optimizers()["optimizer"]
    assert isinstance(optimizer, torch.optim.AdamW)
    decaying, others = optimizer.param_groups
    assert decaying["weight_decay"] == 0.3 and others["weight_decay"] == 0.0
    assert all(p.ndim >= 2 for p in decaying["params"]) and all(p.ndim < 2 for p in others["params"])


def test_the_reciprocal_rank_against_a_loop() -> None:
    torch.manual_seed(0)
    similarity = torch.randint(0, 5, (7, 6)).float()
    positives = torch.rand(7, 6) < 0.3
    negatives = ~positives & (torch.rand(7, 6) < 0.8)
    values = []
    for i in range(7):
        right = [float(similarity[i, j]) for j in range(6) if positives[i, j]]
        if right:
            values.append(
                1 / (1 + sum(bool(negatives[i, j]) and float(similarity[i, j]) >= max(right) for j in range(6)))
            )
    assert float(_reciprocal_rank(similarity, positives, negatives)) == pytest.approx(sum(values) / len(values))
    assert float(_reciprocal_rank(similarity, torch.zeros_like(positives), negatives)) == 0.0
