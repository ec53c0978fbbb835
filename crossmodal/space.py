"""A trained space: a folder on disk, or a public joint model; encodes files and texts into shared unit vectors.

Folder: recipe.yaml, weights.safetensors, vocabulary.json, card.md, works.json (ids of the training works), canary.safetensors
(fixed inputs' vectors) and manifest.json (sha256 of the others, third-party towers, fingerprint), written last.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from crossmodal.base.errors import CrossmodalError, InputError
from crossmodal.base.results import Skipped
from crossmodal.embedding import JointEmbedding, along, device_of, pool_windows
from crossmodal.objectives.similarity import Cosine
from crossmodal.recipe import Recipe
from encoders.encoder import AudioEncoder, AudioItem, Embedding, Encoder, SequenceEncoder, WholeEncoder

WINDOWS_AT_ONCE = 16  # as fast as more on a CPU, whose cache they fit; wide transformers stay within memory
TEXTS_AT_ONCE = 64


@dataclass(frozen=True)
class Background:
    """Mean (d,) and covariance (d, d) of the training recordings' vectors: what a word's similarity to any music is."""

    mean: Tensor
    covariance: Tensor

    def standardize(self, queries: np.ndarray, similarity: np.ndarray) -> np.ndarray:
        """Similarities (q, n) of folded queries in deviations from the usual one, so that words can be compared with each other."""
        words = torch.from_numpy(np.asarray(queries, np.float32))
        usual = (words @ self.mean).numpy()[:, None]
        variance = torch.einsum("qd,de,qe->q", words, self.covariance, words)
        return (similarity - usual) / variance.clamp_min(1e-8).sqrt().numpy()[:, None]


@dataclass
class Space:
    """Towers into one space, with what is known of their training.

    name, location (path or public id), fingerprint (changes with the weights); vocabulary: tags seen in training; works: ids of
    the training works; recipe: None for public models.
    """

    name: str
    location: str
    fingerprint: str
    embedding: JointEmbedding
    recipe: Recipe | None = None
    vocabulary: list[str] = field(default_factory=list)
    works: frozenset[str] = frozenset()
    background: Background | None = None
    card: str = ""

    @property
    def reference(self) -> str:
        """name@fingerprint, as results show it."""
        return f"{self.name}@{self.fingerprint[:8]}"

    @property
    def modalities(self) -> list[str]:
        """What the space can encode."""
        return list(self.embedding.towers)

    @cached_property
    def dimension(self) -> int:
        """Width of the vectors."""
        return self.embedding.tower(self.modalities[0]).dimension

    def encoder(self, modality: str) -> Encoder:
        """The encoder of a modality. Raises InputError naming those that the space has."""
        if modality not in self.embedding.towers:
            raise InputError(
                f'expected a modality of the space {self.name} ({", ".join(self.modalities)}), got "{modality}"'
            )
        return self.embedding.tower(modality).encoder

    def to(self, device: str) -> Space:
        """Moves the towers to a device ("cpu", "cuda", "cuda:1", "mps")."""
        try:
            self.embedding.to(device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(
                f'expected a device that this machine has, got "{device}": {str(error).splitlines()[0]}'
            ) from None
        return self

    def to_fastest(self) -> Space:
        """On the GPU where there is one."""
        return self.to("cuda") if torch.cuda.is_available() else self

    def encode(self, modality: str, items: Sequence[object]) -> np.ndarray:
        """Items (paths, texts, arrays at the encoder's rate) -> (n, d) float32, unit length. Raises InputError at the first bad one."""
        if isinstance(items, (str, Path)):
            raise InputError(f'expected a list of items, got one {type(items).__name__}; write ["{items}"]')
        encoder = self.encoder(modality)
        if not len(items):
            return np.zeros((0, self.dimension), np.float32)
        if isinstance(encoder, WholeEncoder):
            return np.concatenate([self._forward(modality, [encoder.prepare(item)]).numpy() for item in items])
        if isinstance(encoder, AudioEncoder | SequenceEncoder):
            facets = self.embedding.facets
            return np.stack([pool_windows(self.sequence(modality, item).vectors, facets).numpy() for item in items])
        prepared = [encoder.prepare(item) for item in items]
        parts = [
            self._forward(modality, prepared[i : i + TEXTS_AT_ONCE]) for i in range(0, len(prepared), TEXTS_AT_ONCE)
        ]
        return torch.cat(parts).numpy()

    def try_encode(self, modality: str, items: Sequence[object]) -> Iterator[np.ndarray | Skipped]:
        """As `encode`, one at a time; a bad item becomes a `Skipped` with its reason."""
        for item in items:
            try:
                yield self.encode(modality, [item])[0]
            except CrossmodalError as error:
                yield Skipped(path=str(item), reason=str(error))

    def sequence(self, modality: str, item: object) -> Embedding:
        """A recording as a sequence: one unit vector a window, (t, d), and the windows' centres in seconds (t,).

        Fixed overlapping windows cover the whole recording, and memory does not grow with its length. Sheet music (a strip, or a file of
        pages, systems one after another): vectors every few columns, positions in columns.
        """
        encoder = self.encoder(modality)
        if isinstance(encoder, SequenceEncoder):
            return self._along(modality, encoder, item)
        if not isinstance(encoder, AudioEncoder):
            raise InputError(f'expected a modality with a time axis, got "{modality}"')
        if not isinstance(item, AudioItem):
            raise InputError(
                f"expected a path or an array of samples, got {type(item).__name__}; write [item] for one item"
            )
        vectors: list[Tensor] = []
        starts: list[int] = []
        for firsts, windows in _windows(encoder, item):
            vectors.append(self._forward(modality, windows))
            starts.extend(firsts)
        seconds_a_frame = encoder.frame_hop / encoder.sample_rate
        centre = encoder.window_samples / 2 / encoder.sample_rate
        positions = torch.tensor(starts, dtype=torch.float32) * seconds_a_frame + centre
        whole = torch.cat(vectors)
        return Embedding(
            whole, positions, torch.ones(len(whole), dtype=torch.bool), encoder.hop * seconds_a_frame, 2 * centre
        )

    def _along(self, modality: str, encoder: SequenceEncoder, item: object) -> Embedding:
        tower = self.embedding.tower(modality)
        prepared = encoder.prepare(item)
        stretches = [s for s in (prepared if isinstance(prepared, list) else [prepared]) if isinstance(s, Tensor)]
        vectors = [along(tower, stretch) for stretch in stretches]
        starts = np.cumsum([0, *(stretch.shape[-1] for stretch in stretches)])
        runs = [torch.arange(len(v)) * encoder.step + (encoder.step - 1) / 2 for v in vectors]
        unit, shift = 1.0, 0.0
        if isinstance(encoder, AudioEncoder):
            unit, shift = encoder.frame_hop / encoder.sample_rate, encoder.frame_length / 2 / encoder.sample_rate
        else:  # the last step may begin within a strip and have its centre beyond it, which is the next system's
            runs = [run.clamp_max(stretch.shape[-1] - 1) for run, stretch in zip(runs, stretches, strict=True)]
        places = torch.cat([run + float(start) for run, start in zip(runs, starts, strict=False)])
        valid = torch.ones(len(places), dtype=torch.bool)
        return Embedding(
            torch.cat(vectors), places * unit + shift, valid, encoder.step * unit, 2 * encoder.reach * unit
        )

    def similarity(self, queries: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """(n, d), (m, d) -> (n, m) similarity, larger is closer: the cosine, or the bilinear form that the recipe names."""
        queries, targets = np.atleast_2d(queries), np.atleast_2d(targets)
        if queries.shape[1] != targets.shape[1]:
            raise InputError(f"expected vectors of one space, got widths {queries.shape[1]} and {targets.shape[1]}")
        return np.asarray(self.fold(queries) @ targets.T, dtype=np.float32)

    def fold(self, queries: np.ndarray) -> np.ndarray:
        """(n, d) -> (n, d) vectors whose inner products with the vectors of the space are the similarities."""
        similarity = self.embedding.similarity
        if isinstance(similarity, Cosine):
            return queries  # unit vectors already
        with torch.inference_mode():
            folded = similarity.fold(torch.from_numpy(np.asarray(queries, np.float32)).to(device_of(similarity)))
        return np.asarray(folded.cpu().numpy())

    def standardize(self, queries: np.ndarray, similarity: np.ndarray) -> np.ndarray:
        """Similarities (q, n) that can be compared between queries, where the background is known; otherwise as they are."""
        return similarity if self.background is None else self.background.standardize(self.fold(queries), similarity)

    def unknown_words(self, text: str) -> list[str]:
        """Words or scripts that the text tower does not know."""
        unknown = getattr(self.encoder("text"), "unknown", None)
        return list(unknown(text)) if unknown else []

    def _forward(self, modality: str, prepared: Sequence[object] | Tensor) -> Tensor:
        tower = self.embedding.tower(modality)
        device = device_of(self.embedding)
        batch = prepared if isinstance(prepared, Tensor) else tower.encoder.collate(prepared)
        with torch.inference_mode():
            vectors: Tensor = tower(_to_device(batch, device))
        return vectors.cpu()


def _to_device(batch: object, device: torch.device) -> object:
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {k: v.to(device) if isinstance(v, Tensor) else v for k, v in batch.items()}
    return batch


def _windows(encoder: AudioEncoder, item: AudioItem) -> Iterator[tuple[list[int], Tensor]]:
    """(first frames, windows (n, ..., window)) in the order of `AudioEncoder.window_starts`, holding few frames at a time.

    All batches but the last hold `WINDOWS_AT_ONCE`, however the recording came in blocks: a network's last bits depend on the
    size of its batch, and so does its memory.
    """
    starts: list[int] = []
    windows: list[Tensor] = []
    for start, window in _each_window(encoder, item):
        starts.append(start)
        windows.append(window)
        if len(windows) == WINDOWS_AT_ONCE:
            yield starts, torch.stack(windows)
            starts, windows = [], []
    if windows:
        yield starts, torch.stack(windows)


def _each_window(encoder: AudioEncoder, item: AudioItem) -> Iterator[tuple[int, Tensor]]:
    window, hop = encoder.window, encoder.hop
    buffer: Tensor | None = None
    begin = following = 0  # frame at which the buffer begins; first frame of the next regular window
    for block in encoder.frame_blocks(item):
        buffer = block if buffer is None else torch.cat([buffer, block], dim=-1)
        total = begin + buffer.shape[-1]
        # A window that touches the newest frame waits: if the recording ends here, it is the last one.
        while following < total - window:
            yield following, buffer[..., following - begin : following - begin + window]
            following += hop
        kept = max(begin, total - window)
        buffer, begin = buffer[..., kept - begin :], kept
    if buffer is None:
        raise InputError(f"{item}: expected sound, got nothing")
    yield begin, buffer
