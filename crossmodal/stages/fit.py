"""Runs one stage with Lightning: precision, clipping, schedule, early stopping, logs, checkpoints and resuming."""

from __future__ import annotations

import itertools
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from torch.utils.data import DataLoader, Sampler

from crossmodal.base.errors import InputError
from crossmodal.base.progress import progress
from crossmodal.data import Batch, BatchSource
from crossmodal.recipe import Training
from crossmodal.stages.learning import Learning

MONITOR = "validation_loss"
VALIDATION_STEPS = 4


@dataclass(frozen=True)
class StageData:
    """Training batches, and validation batches where the catalogue has a validation split."""

    training: BatchSource
    validation: BatchSource | None


class _From(Sampler[int]):
    """Steps from `first` on, without end: the trainer knows when to stop, and resuming needs no skipping."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        return itertools.count(self._first)


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

    Raises KeyboardInterrupt when it was interrupted, after a checkpoint from which `resume` goes on.
    """
    last = folder / "checkpoints" / "last.ckpt"
    checkpoint = last if resume and last.exists() else None
    first = _steps_done(checkpoint) if checkpoint else 0
    callbacks: list[Callback] = [_Progress(training.steps, folder.name, quiet), _Reseed(seed)]
    keep = ModelCheckpoint(
        last.parent, filename="step-{step}", save_last=True, save_top_k=1, every_n_train_steps=training.checkpoint_every
    )
    callbacks.append(keep)
    best = None
    if data.validation is not None:
        best = ModelCheckpoint(
            last.parent, filename="best", monitor=MONITOR, save_top_k=1, enable_version_counter=False
        )
        callbacks.append(best)
        if training.patience:
            callbacks.append(EarlyStopping(MONITOR, patience=training.patience))
    trainer = _trainer(training, folder, callbacks, device=device, validated=data.validation is not None)
    loaders = {"train_dataloaders": _loader(data.training, _From(first))}
    if data.validation is not None:
        loaders["val_dataloaders"] = _loader(data.validation, range(VALIDATION_STEPS))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)  # its banners are not for our users
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Lightning's advice on workers and loggers; errors still raise
        trainer.fit(learning, **loaders, ckpt_path=str(checkpoint) if checkpoint else None)
    if trainer.interrupted:
        raise KeyboardInterrupt
    if best is not None and best.best_model_path:
        state = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
        learning.load_state_dict(state["state_dict"], strict=False)


def _trainer(
    training: Training, folder: Path, callbacks: list[Callback], *, device: str | None, validated: bool
) -> lightning.Trainer:
    several = training.devices > 1
    return lightning.Trainer(
        accelerator="gpu" if _on_gpu(device) else "cpu",
        devices=training.devices if several else 1,
        strategy="ddp" if several else "auto",
        precision=precision_of(training, gpu=_on_gpu(device)),
        max_steps=training.steps,
        gradient_clip_val=training.gradient_clip or None,
        val_check_interval=min(training.validate_every, training.steps) if validated else None,
        check_val_every_n_epoch=None if validated else 1,
        num_sanity_val_steps=0,
        callbacks=callbacks,
        logger=[CSVLogger(folder, name="", version="log"), TensorBoardLogger(folder, name="", version="tensorboard")],
        log_every_n_steps=10,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


def _on_gpu(device: str | None) -> bool:
    return torch.cuda.is_available() and (device is None or device.startswith("cuda"))


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


def _loader(source: BatchSource, steps: Any) -> DataLoader[Batch]:
    return DataLoader(source, batch_size=None, sampler=steps, num_workers=0)


def _steps_done(checkpoint: Path) -> int:
    try:
        return int(torch.load(checkpoint, map_location="cpu", weights_only=True)["global_step"])
    except (OSError, RuntimeError, KeyError, EOFError) as error:
        raise InputError(
            f"{checkpoint}: expected a checkpoint, got an unreadable file ({error}); train without --resume"
        ) from None


class _Reseed(Callback):
    """Each step has its own seed, so that a resumed training draws the dropout it would have drawn."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: lightning.Trainer, module: lightning.LightningModule, batch: object, step: int
    ) -> None:
        torch.manual_seed(hash((self._seed, trainer.global_step, trainer.global_rank)) % 2**63)


class _Progress(Callback):
    """Steps on the one progress bar that all of crossmodal has."""

    def __init__(self, steps: int, label: str, quiet: bool) -> None:
        self._bar = progress(steps, f"training {label}", quiet=quiet)

    def on_train_start(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        self._bar.__enter__()
        self._bar.advance(trainer.global_step)

    def on_train_batch_end(self, trainer: lightning.Trainer, *_: object) -> None:
        self._bar.advance(1)

    def teardown(self, trainer: lightning.Trainer, module: lightning.LightningModule, stage: str) -> None:
        self._bar.__exit__(None, None, None)


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
