"""Runs one stage with Lightning: precision, clipping, schedule, early stopping, logs, checkpoints and resuming."""

from __future__ import annotations

import logging
import signal
import warnings
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError  # what torch raises for a file that holds more than weights
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from crossmodal.base.errors import InputError
from crossmodal.base.progress import Bar, progress
from crossmodal.data import BatchModule, BatchSource
from crossmodal.recipe_parts import Training
from crossmodal.stages.learning import Learning

MONITOR = "validation_loss"
VALIDATION_STEPS = 4


@dataclass(frozen=True)
class StageData:
    """Training batches, and validation batches where the catalogue has a validation split."""

    training: BatchSource
    validation: BatchSource | None


def fit(
    learning: Learning,
    data: StageData,
    *,
    folder: Path,
    training: Training,
    seed: int,
    device: str | None,
    resume: bool,
    quiet: bool,
) -> None:
    """Trains in place; leaves logs and checkpoints in `folder`. With validation data the best weights are restored at the end.

    Raises KeyboardInterrupt when it was interrupted; `resume` goes on from the last checkpoint. InputError for what cannot run here.
    """
    last = folder / "checkpoints" / "last.ckpt"
    checkpoint = last if resume and last.exists() else None
    first = _steps_done(checkpoint) if checkpoint else 0
    validated = data.validation is not None
    if training.patience and not validated:
        raise InputError(
            "patience: expected validation items to watch, got none; mark some in the column split, or leave it out"
        )
    module = BatchModule(data.training, data.validation, first=first, validation_steps=VALIDATION_STEPS)
    best = ModelCheckpoint(last.parent, filename="best", monitor=MONITOR, enable_version_counter=False)
    callbacks = _callbacks(training, folder, seed=seed, quiet=quiet, best=best if validated else None)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # its banners are not for our users
    trainer = _trainer(training, folder, callbacks, device=device, validated=validated)
    before = signal.getsignal(signal.SIGINT)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers; errors still raise
        try:
            trainer.fit(learning, datamodule=module, ckpt_path=str(checkpoint) if checkpoint else None)
        except SystemExit:  # what Lightning makes of Ctrl-C, after it made the process deaf to a second one
            signal.signal(signal.SIGINT, before)
            raise KeyboardInterrupt from None
    if best.best_model_path:
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        learning.restore(state["state_dict"])


def _callbacks(
    training: Training, folder: Path, *, seed: int, quiet: bool, best: ModelCheckpoint | None
) -> list[Callback]:
    """Progress, seeds, the newest checkpoint to resume from, and with validation the best one and early stopping."""
    newest = ModelCheckpoint(
        folder / "checkpoints",
        filename="step-{step}",
        save_last=True,
        every_n_train_steps=training.checkpoint_every,
        enable_version_counter=False,
    )
    callbacks: list[Callback] = [_Progress(training.steps, folder.name, quiet), _Reseed(seed), newest]
    if best is not None:
        callbacks.append(best)
        if training.patience:
            callbacks.append(EarlyStopping(MONITOR, patience=training.patience))
    return [*callbacks, _Farewell()]


def _trainer(
    training: Training, folder: Path, callbacks: list[Callback], *, device: str | None, validated: bool
) -> lightning.Trainer:
    several = training.devices > 1
    if on_gpu(device) and training.devices > torch.cuda.device_count():
        raise InputError(f"devices: expected at most {torch.cuda.device_count()} GPUs, got {training.devices}")
    return lightning.Trainer(
        accelerator="gpu" if on_gpu(device) else "cpu",
        devices=_devices(training, device),
        strategy="ddp_spawn" if several else "auto",
        precision=precision_of(training, gpu=on_gpu(device)),
        max_steps=training.steps,
        gradient_clip_val=training.gradient_clip or None,
        val_check_interval=min(training.validate_every, training.steps) if validated else None,
        check_val_every_n_epoch=None if validated else 1,
        num_sanity_val_steps=0,
        use_distributed_sampler=False,  # batches are parted by rank where they are drawn
        callbacks=callbacks,
        logger=[CSVLogger(folder, name="", version="log"), TensorBoardLogger(folder, name="", version="tensorboard")],
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def on_gpu(device: str | None) -> bool:
    """Whether to train on a GPU. device: "cpu", "cuda", "cuda:1", or None for the fastest. Raises InputError for what is not there."""
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None:
        return available > 0
    kind, _, number = device.partition(":")
    if kind == "cpu" and not number:
        return False
    if kind == "cuda" and (number or "0").isdigit() and int(number or 0) < available:
        return True
    known = ", ".join(["cpu", *(f"cuda:{i}" for i in range(available))])
    raise InputError(f'--device: expected a device to train on that this machine has ({known}), got "{device}"')


def _devices(training: Training, device: str | None) -> int | list[int]:
    """How many processes, or which GPU."""
    number = (device or "").partition(":")[2]
    return [int(number)] if number and training.devices == 1 else training.devices


def precision_of(training: Training, *, gpu: bool) -> Any:
    """Lightning's name of the precision; "auto" takes what the device does fast."""
    if training.precision == "32":
        return "32-true"
    if training.precision != "auto":
        return f"{training.precision}-mixed"
    if gpu:
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    fast = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bf16-mixed" if fast else "32-true"


def _steps_done(checkpoint: Path) -> int:
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])
    except (OSError, RuntimeError, KeyError, EOFError, UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{checkpoint}: expected a checkpoint, got an unreadable file ({reason}); train into another folder"
        ) from None


class _Reseed(Callback):
    """Each step has its own seed, so that a resumed training draws the dropout it would have drawn."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: object, step: int
    ) -> None:
        torch.manual_seed(hash((self._seed, trainer.global_step, trainer.global_rank)) % 2**63)


class _Farewell(Callback):
    """The processes of a training on several devices leave it together: one that ends while another still listens for it may abort."""

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.barrier()
            torch.distributed.destroy_process_group()


class _Progress(Callback):
    """Steps on the one progress bar that all of crossmodal has."""

    def __init__(self, steps: int, label: str, quiet: bool) -> None:
        self._steps, self._label, self._quiet = steps, label, quiet
        self._bar: Bar[int] | None = None  # made where it runs: it cannot be sent to another process

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._bar = progress(self._steps, f"training {self._label}", quiet=self._quiet or trainer.global_rank > 0)
        self._bar.__enter__()
        self._bar.advance(trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        if self._bar is not None:
            self._bar.advance(1)

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None


def read_losses(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """The logged curves of a stage: name -> (step, value)."""
    import csv

    curves: dict[str, list[tuple[int, float]]] = {}
    path = folder / "log" / "metrics.csv"
    if path.exists():
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                for name, value in row.items():
                    if name not in {"step", "epoch"} and value:
                        curves.setdefault(name, []).append((int(row["step"]), float(value)))
    return curves
