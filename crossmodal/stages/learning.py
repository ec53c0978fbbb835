"""One training of some towers by one or several comparisons: pretraining and alignment are the same Lightning module.

What differs between them stands in the recipe: the pairs, which slots are compared, which towers are open, and heads that
live for the stage alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import lightning
import torch
from torch import Tensor, nn

from crossmodal.augmentation import Augmentation
from crossmodal.base.errors import IntegrityError, RecipeError
from crossmodal.base.progress import progress
from crossmodal.comparing import LABEL, averaged, compare, values
from crossmodal.data import Batch
from crossmodal.embedding import JointEmbedding, TowerModule, owned_state, projected
from crossmodal.memory import Memory
from crossmodal.objectives.comparison import Comparison
from crossmodal.objectives.similarity import Cosine
from crossmodal.recipe import compares_space
from crossmodal.recipe_parts import ComparisonPart, Training
from crossmodal.stages.gathering import gather_batch, gather_vectors
from encoders.encoder import Anchored, AudioEncoder
from encoders.labels import Labels

TEXTS_AT_ONCE = 256


class Learning(lightning.LightningModule):
    """Trains `embedding` (and the stage's own `auxiliary` towers and `heads`) by the weighted sum of its comparisons' losses."""

    def __init__(
        self,
        embedding: JointEmbedding,
        *,
        parts: list[ComparisonPart],
        objectives: list[nn.Module],
        train: list[str],
        training: Training,
        auxiliary: Mapping[str, TowerModule],
        heads: Mapping[str, nn.Module],
        augmentations: list[Augmentation],
        seed: int,
        augmented: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self.embedding = embedding
        self.strict_loading = False  # checkpoints lack the frozen towers, which their encoders load
        self.auxiliary = nn.ModuleDict(dict(auxiliary))
        self.heads = nn.ModuleDict(dict(heads))
        self.objectives = nn.ModuleList(objectives)
        self._parts, self._training, self._seed = parts, training, seed
        self._augmentations, self._augmented_slots = augmentations, frozenset(augmented)
        self._memories = [Memory(part.memory) if part.memory else None for part in parts]
        self._features: dict[str, dict[str, Tensor]] = {}
        self._draws = 0
        for modality in embedding.towers:  # a head that another one stands in for is not trained
            embedding.tower(modality).set_trainable(modality in train, head=modality not in heads)
        for name, tower in auxiliary.items():
            tower.set_trainable(name in train)
        own = [part for part in parts if compares_space(part, list(embedding.towers), heads)]
        embedding.similarity.requires_grad_(bool(own))
        if not isinstance(embedding.similarity, Cosine):
            for part, objective in zip(parts, objectives, strict=True):
                if part in own:
                    objective.similarity = embedding.similarity
        self.train()  # Lightning leaves the modes as they are; towers close what is not trained

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Frozen third-party towers are named and never copied: a checkpoint is kilobytes to megabytes, not hundreds of them."""
        owned = {f"embedding.{name}" for name in owned_state(self.embedding)}
        state = checkpoint["state_dict"]
        checkpoint["state_dict"] = {k: v for k, v in state.items() if k in owned or not k.startswith("embedding.")}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """The weights of a checkpoint; all of them, but for the frozen towers. Raises IntegrityError."""
        owned = {f"embedding.{name}" for name in owned_state(self.embedding)}
        missing, unexpected = self.load_state_dict(state, strict=False)
        wrong = [*unexpected, *(k for k in missing if k in owned or not k.startswith("embedding."))]
        if wrong:
            raise IntegrityError(
                f"expected a checkpoint of this stage, got another ({wrong[0]} and {len(wrong) - 1} more); train into another folder"
            )

    def tower(self, modality: str) -> TowerModule:
        """The tower of a slot's modality: the stage's own or the space's."""
        if modality in self.auxiliary:
            own = self.auxiliary[modality]
            assert isinstance(own, TowerModule)
            return own
        return self.embedding.tower(modality)

    def vectors(self, batch: Batch, slot: str) -> Tensor:
        """Unit vectors of a slot: (n, d), or (c, d) for the label slot."""
        modality = slot.partition("@")[0]
        tower = self.tower(modality)
        if modality == LABEL:
            assert isinstance(tower.encoder, Labels)
            vectors: Tensor = tower(torch.arange(len(tower.encoder.names), device=self.device))
            return vectors
        if slot not in batch.inputs:
            raise RecipeError(f'expected a slot that the pairs give ({", ".join(batch.inputs)}), got "{slot}"')
        changed = self.training and (not self._augmented_slots or slot in self._augmented_slots)
        features = self._features_of(tower, modality, batch.inputs[slot], changed=changed)
        if modality in self.heads:
            return projected(self.heads[modality], features)
        return tower.project(features)

    def _features_of(self, tower: TowerModule, modality: str, inputs: object, *, changed: bool = False) -> Tensor:
        if isinstance(inputs, Anchored):
            sounds = changed and isinstance(tower.encoder, AudioEncoder)
            places = Anchored(self._augmented(inputs.windows), inputs.anchors) if sounds else inputs
            found: Tensor = tower.encoder(places)
            return found
        if isinstance(inputs, Tensor):
            features: Tensor = tower.encoder(self._augmented(inputs, tower.encoder.modality) if changed else inputs)
            return features
        assert isinstance(inputs, list)
        if tower.frozen:
            return self._cached(tower, modality, inputs)
        return self._encode(tower, inputs)

    def warm(self, modality: str, texts: list[str], *, quiet: bool) -> None:
        """Encodes texts beforehand when their tower is frozen: sorted by length and in large batches that is several times faster."""
        tower = self.tower(modality)
        if not (tower.frozen and tower.encoder.modality == "text"):
            return
        wanted = self._training.precision in {"auto", "bf16"}
        fast = wanted and self.device.type == "cpu" and torch.cpu._is_avx512_bf16_supported()
        with torch.autocast("cpu", torch.bfloat16, enabled=fast), progress(len(texts), "texts", quiet=quiet) as bar:
            prepared = [tower.encoder.prepare(text) for text in sorted(set(texts), key=lambda text: (len(text), text))]
            for start in range(0, len(prepared), TEXTS_AT_ONCE):
                self._cached(tower, modality, prepared[start : start + TEXTS_AT_ONCE])
                bar.advance(TEXTS_AT_ONCE)

    def _cached(self, tower: TowerModule, modality: str, inputs: list[object]) -> Tensor:
        """A frozen encoder says the same of the same text: each text is encoded once in a training."""
        cache = self._features.setdefault(modality, {})
        keys = [_key(prepared) for prepared in inputs]
        missing = {key: prepared for key, prepared in zip(keys, inputs, strict=True) if key not in cache}
        if missing:
            with torch.no_grad():
                cache.update(zip(missing, self._encode(tower, list(missing.values())).float().cpu(), strict=True))
        return torch.stack([cache[key] for key in keys]).to(self.device)

    def _encode(self, tower: TowerModule, inputs: list[object]) -> Tensor:
        batch = tower.encoder.collate(inputs)
        moved = self.transfer_batch_to_device(batch, self.device, 0) if not isinstance(batch, list) else batch
        features: Tensor = tower.encoder(moved)
        return features

    def _augmented(self, windows: Tensor, modality: str = "audio") -> Tensor:
        for number, augmentation in enumerate(self._augmentations):
            if augmentation.modality != modality:
                continue
            self._draws += 1
            generator = torch.Generator().manual_seed(
                hash((self._seed, self.global_step, self.global_rank, number, self._draws)) % 2**63
            )
            windows = augmentation(windows, generator)
        return windows

    def loss(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The weighted loss, and the mean reciprocal rank of the nearest right answer within the batch."""
        self._draws = 0
        slots = dict.fromkeys(s for part in self._parts for s in part.slots)
        local = {slot: self.vectors(batch, slot) for slot in slots}
        gathered = {slot: v if slot == LABEL else gather_vectors(self, v) for slot, v in local.items()}
        whole = gather_batch(self, batch)
        total = torch.zeros((), device=self.device)
        comparisons = [self._comparison(number, gathered, whole) for number in range(len(self._parts))]
        for part, objective, comparison in zip(self._parts, self.objectives, comparisons, strict=True):
            total = total + part.weight * objective(comparison)
        with torch.no_grad():
            first = comparisons[0]
            similarity = self.objectives[0].similarity(first.queries, first.targets)  # type: ignore[operator]
        return total, _reciprocal_rank(similarity, first.positives, first.negatives)

    def _comparison(self, number: int, vectors: Mapping[str, Tensor], batch: Batch) -> Comparison:
        """What part `number` compares: the facet that it names, prototypes, and what is remembered of earlier batches."""
        part, memory = self._parts[number], self._memories[number]
        if part.facet is not None:
            facets = self.embedding.facets
            assert facets is not None  # a recipe is checked for it
            vectors = {slot: facets.part(vectors[slot], part.facet) for slot in part.slots}
        found = compare(vectors, batch, part.queries, part.targets, by=part.concept, against=part.against)
        if part.concept is None or not (part.prototypes or memory):
            return found
        asked, given = (values(batch, slots, part.concept) for slots in (part.queries, part.targets))
        if part.prototypes:
            return averaged(found, asked, given)
        assert memory is not None
        if not self.training:  # what is remembered is of the training items
            return found
        extended = memory.extend(found, asked)
        memory.remember(found.targets, given)
        return extended

    def training_step(self, batch: Batch, step: int) -> Tensor:
        """One step of the optimizer."""
        loss, rank = self.loss(batch)
        size = len(batch.group)
        self.log("train_loss", loss, prog_bar=True, batch_size=size)
        self.log("train_batch_mrr", rank, batch_size=size)
        return loss

    def validation_step(self, batch: Batch, step: int) -> None:
        """Loss and in-batch reciprocal rank on items that are not trained on."""
        loss, rank = self.loss(batch)
        size = len(batch.group)
        self.log("validation_loss", loss, prog_bar=True, batch_size=size, sync_dist=True)
        self.log("validation_batch_mrr", rank, batch_size=size, sync_dist=True)

    def configure_optimizers(self) -> dict[str, object]:
        """AdamW or SGD with Nesterov momentum; linear warm-up, then a cosine to zero. Norms and biases do not decay."""
        opened = [p for p in self.parameters() if p.requires_grad]
        groups = [
            {"params": [p for p in opened if p.ndim >= 2], "weight_decay": self._training.weight_decay},
            {"params": [p for p in opened if p.ndim < 2], "weight_decay": 0.0},
        ]
        rate = self._training.learning_rate
        optimizer: torch.optim.Optimizer
        if self._training.optimizer == "sgd":
            optimizer = torch.optim.SGD(groups, lr=rate, momentum=0.9, nesterov=True)
        else:
            optimizer = torch.optim.AdamW(groups, lr=rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self._factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def _factor(self, step: int) -> float:
        warmup = min(self._training.warmup_steps, self._training.steps // 2)
        if step < warmup:
            return (step + 1) / warmup
        progress = (step - warmup) / max(1, self._training.steps - warmup)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def _key(prepared: object) -> str:
    """What tells prepared texts (a text, or the indices of its words) apart."""
    return str(prepared.tolist()) if isinstance(prepared, Tensor) else str(prepared)


def _reciprocal_rank(similarity: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    usable = positives.any(dim=1)
    if not usable.any():
        return similarity.new_zeros(())
    best = similarity.masked_fill(~positives, -torch.inf).amax(dim=1)
    rank = 1 + ((similarity >= best[:, None]) & negatives).sum(dim=1)
    return (1.0 / rank)[usable].mean()
