"""A stage's run: resuming is exact, early stopping, the best weights, logs, and what cannot run."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import torch

from crossmodal.base.errors import InputError
from crossmodal.recipe_parts import Training
from crossmodal.stages.fit import precision_of, read_losses
from crossmodal.stages.learning import Learning
from tests.crossmodal.stages.making import learning, run, source, state, training


def same(first: dict[str, torch.Tensor], second: dict[str, torch.Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[k], second[k]) for k in first)


@pytest.mark.parametrize("validated", [True, False])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resuming_gives_the_weights_of_an_uninterrupted_run(validated: bool, optimizer: str, tmp_path: Path) -> None:
    settings = training(optimizer=optimizer)
    straight = run(learning(settings), settings, tmp_path / "straight", validated=validated)
    with pytest.raises(KeyboardInterrupt):  # in the sixth batch; the last checkpoint is of step 3
        run(learning(settings), settings, tmp_path / "broken", validated=validated, interrupt=5 * 6 + 2)
    assert signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    resumed = learning(settings, seed=99)  # whatever the weights were: they come from the checkpoint
    run(resumed, settings, tmp_path / "broken", validated=validated, resume=True)
    assert same(state(straight), state(resumed))
    first, second = read_losses(tmp_path / "straight"), read_losses(tmp_path / "broken")
    if validated:
        assert first["validation_loss"][-1] == second["validation_loss"][-1]


def test_the_same_seed_gives_the_same_weights(tmp_path: Path) -> None:
    settings = training()
    runs = [state(run(learning(settings), settings, tmp_path / str(i))) for i in range(2)]
    assert same(*runs)
    assert not same(runs[0], state(run(learning(settings, seed=1), settings, tmp_path / "other")))


def test_resuming_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    settings = training(checkpoint_every=8)
    done = state(run(learning(settings), settings, tmp_path, validated=False))
    assert same(done, state(run(learning(settings, seed=5), settings, tmp_path, validated=False, resume=True)))


def test_the_loss_falls_and_is_logged(tmp_path: Path) -> None:
    settings = training(steps=120, validate_every=20, checkpoint_every=50)
    run(learning(settings, dropout=0.0), settings, tmp_path)
    curves = read_losses(tmp_path)
    assert {"train_loss", "validation_loss", "train_batch_mrr", "validation_batch_mrr"} <= curves.keys()
    assert [step for step, _ in curves["validation_loss"]] == [19, 39, 59, 79, 99, 119]
    losses = [value for _, value in curves["train_loss"]]
    assert losses[-1] < 0.5 * losses[0]
    assert list((tmp_path / "tensorboard").iterdir())
    assert read_losses(tmp_path / "nowhere") == {}


def validation_loss(module: Learning, settings: Training) -> float:
    module.eval()
    batches = source(module, settings, count=9, seed=1)
    with torch.no_grad():
        return float(torch.stack([module.loss(batches[step])[0] for step in range(4)]).mean())


def test_the_best_weights_are_restored(tmp_path: Path) -> None:
    settings = training(
        steps=60, validate_every=5, learning_rate=0.5, optimizer="sgd", gradient_clip=0.0
    )  # wild on purpose
    module = run(learning(settings), settings, tmp_path)
    values = [value for _, value in read_losses(tmp_path)["validation_loss"]]
    assert min(values) < values[-1], "the last weights are not the best, otherwise this test says nothing"
    assert validation_loss(module, settings) == pytest.approx(min(values), rel=1e-5)


def test_early_stopping(tmp_path: Path) -> None:
    settings = training(steps=400, validate_every=2, patience=2, learning_rate=1e-9)
    run(learning(settings), settings, tmp_path)
    validations = read_losses(tmp_path)["validation_loss"]
    assert 3 <= len(validations) < 50


def test_patience_needs_something_to_watch(tmp_path: Path) -> None:
    settings = training(patience=2)
    with pytest.raises(InputError, match="patience: expected validation items"):
        run(learning(settings), settings, tmp_path, validated=False)


def test_a_damaged_checkpoint_is_one_line(tmp_path: Path) -> None:
    settings = training()
    run(learning(settings), settings, tmp_path)
    (tmp_path / "checkpoints" / "last.ckpt").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(InputError, match="expected a checkpoint"):
        run(learning(settings), settings, tmp_path, resume=True)


def test_a_checkpoint_never_runs_code(tmp_path: Path) -> None:
    settings = training()
    (tmp_path / "checkpoints").mkdir()
    torch.save({"global_step": Path("not a plain value")}, tmp_path / "checkpoints" / "last.ckpt")
    with pytest.raises(InputError, match="expected a checkpoint"):
        run(learning(settings), settings, tmp_path, resume=True)


def test_precision_by_name() -> None:
    assert precision_of(training(precision="32"), gpu=True) == "32-true"
    assert precision_of(training(precision="bf16"), gpu=False) == "bf16-mixed"
    assert precision_of(training(precision="16"), gpu=True) == "16-mixed"
    assert precision_of(training(precision="auto"), gpu=False) in {"bf16-mixed", "32-true"}
