"""Two processes that gather are one process with the whole batch: the same loss and the same gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import lightning
import pytest
import torch
from torch import Tensor

from crossmodal.data import Batch, BatchModule, BatchSource
from crossmodal.recipe_parts import ComparisonPart, Training
from crossmodal.stages.fit import StageData, fit
from crossmodal.stages.learning import Learning
from tests.crossmodal.stages.making import Numbers, learning, parts, source, state, training

HALF = 5


def recorded(settings: Training, chosen: list[ComparisonPart]) -> Learning:
    module = learning(settings, dropout=0.0, chosen=chosen)
    module.eval()
    return module


class Recorder(lightning.Callback):
    """Writes the first step's loss and averaged gradients of process 0."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, _: object
    ) -> None:
        gradients = {n: p.grad.clone() for n, p in module.named_parameters() if p.grad is not None}
        loss = trainer.callback_metrics["train_loss"].detach().clone()
        if trainer.global_rank == 0 and trainer.global_step == 0:
            torch.save({"loss": loss, "gradients": gradients}, self.file)


def alone(settings: Training, chosen: list[ComparisonPart]) -> tuple[Tensor, dict[str, Tensor]]:
    module = recorded(settings, chosen)
    encoders = {n: module.tower(n).encoder for n in ("left", "right")}
    halves = BatchSource(Numbers(20), encoders, None, batch_size=HALF, seed=0)
    drawn = [halves.of_process(rank, 2)[0] for rank in range(2)]
    whole = _joined(drawn)
    loss, _ = module.loss(whole)
    loss.backward()
    return loss.detach(), {n: p.grad for n, p in module.named_parameters() if p.grad is not None}


def _joined(batches: Sequence[Batch]) -> Batch:
    first, second = batches
    inputs: dict[str, object] = {k: [*first.inputs[k], *second.inputs[k]] for k in first.inputs}  # type: ignore[misc]
    return replace(
        first,
        inputs=inputs,
        facts=torch.cat([first.facts, second.facts]),
        stated=torch.cat([first.stated, second.stated]),
        tags=torch.cat([first.tags, second.tags]),
        group=torch.cat([first.group, second.group]),
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "chosen",
    [
        parts(),
        parts(
            {"type": "contrastive"},
            {"type": "triplet-hinge", "arguments": {"margin": 0.4, "mining": "hard"}},
            queries=["left", "right"],
            targets=["left", "right"],
        ),
    ],
    ids=["info-nce with learned temperature", "two objectives on both views"],
)
def test_two_processes_against_one(chosen: list[ComparisonPart], tmp_path: Path) -> None:
    settings = training(batch_size=HALF, steps=1, devices=2)
    expected_loss, expected = alone(settings, chosen)
    module = recorded(settings, chosen)
    trainer = lightning.Trainer(
        accelerator="cpu",
        devices=2,
        strategy="ddp_spawn",
        max_steps=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        callbacks=[Recorder(tmp_path / "first.pt")],
    )
    data = BatchModule(source(module, settings, seed=0), None, first=0, validation_steps=1)
    trainer.fit(module, datamodule=data)
    found = torch.load(tmp_path / "first.pt", weights_only=True)
    torch.testing.assert_close(found["loss"], expected_loss)
    assert found["gradients"].keys() == expected.keys() and len(expected) >= 12
    for name, gradient in expected.items():
        torch.testing.assert_close(found["gradients"][name], gradient, atol=1e-6, rtol=1e-4, msg=name)


@pytest.mark.slow
def test_a_whole_stage_on_two_processes(tmp_path: Path) -> None:
    settings = training(devices=2, steps=4)
    module = learning(settings)
    before = state(module)
    data = StageData(source(module, settings), source(module, settings, count=12, seed=1))
    fit(module, data, folder=tmp_path, training=settings, seed=0, device="cpu", resume=False, quiet=True)
    after = state(module)
    assert any(not torch.equal(before[k], after[k]) for k in before), "the weights come back to the first process"
    assert (tmp_path / "checkpoints" / "last.ckpt").exists() and (tmp_path / "checkpoints" / "best.ckpt").exists()
