"""Spectrogram transformer: transformers' ASTModel (Gong, Chung & Glass 2021), from a small configuration or
pretrained.

Input of `forward`: (n, bands, window); output (n, dimension), the mean of the class and distillation tokens.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from torch import Tensor, nn

from crossmodal.base.errors import InputError, RecipeError
from encoders.encoder import AudioEncoder
from encoders.frontends import KaldiMel, LogMel
from encoders.hub import load_config, load_model, pretrained_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class SpectrogramTransformer(AudioEncoder):
    """AST on log-mel patches.

    Without a source: random weights, sized by dimension, depth, heads; patch: side of a square patch in
    bands and frames; frequency_stride, time_stride: between patches; standardized log10(1 + 10 S) frames as
    all our networks. With a source (folder or hub id of an ASTModel): its own sizes and its own Kaldi
    filter-bank frames at 16 kHz, so that public weights see what they were trained on; the other arguments
    but hop_seconds are then not used.
    """

    def __init__(
        self,
        *,
        source: str | None = None,
        revision: str | None = None,
        sample_rate: int = 22050,
        fft: int = 1024,
        frame_hop: int = 512,
        bands: int = 64,
        lowest_hertz: float = 30.0,
        highest_hertz: float | None = None,
        window_seconds: float = 5.0,
        hop_seconds: float | None = None,
        mean: float = 0.2,
        deviation: float = 0.25,
        dimension: int = 192,
        depth: int = 4,
        heads: int = 3,
        patch: int = 16,
        frequency_stride: int = 16,
        time_stride: int = 16,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        from transformers import ASTModel

        self.frontend: nn.Module
        if source is not None:
            found = pretrained_folder(source, revision=revision)
            extractor = load_config(found, "audio-spectrogram-transformer")
            self.model = load_model(ASTModel, found, may_miss=())
            self.pretrained = found.provenance
            self.frontend = KaldiMel(bands=self.model.config.num_mel_bins)
            self.mean = float(extractor.get("mean") or -4.2677393)
            self.deviation = 2 * float(extractor.get("std") or 4.5689974)  # AST divides by twice the deviation
            sample_rate, fft, frame_hop = 16000, 400, 160
            self.window = int(self.model.config.max_length)
        else:
            self.frontend = LogMel(
                sample_rate=sample_rate,
                fft=fft,
                hop=frame_hop,
                bands=bands,
                lowest_hertz=lowest_hertz,
                highest_hertz=highest_hertz,
            )
            self.mean, self.deviation = mean, deviation
            self.window = math.ceil(window_seconds * sample_rate / frame_hop)
            self.model = _new_model(
                bands,
                self.window,
                dimension=dimension,
                depth=depth,
                heads=heads,
                patch=patch,
                strides=(frequency_stride, time_stride),
                dropout=dropout,
            )
        self.sample_rate, self.frame_length, self.frame_hop = sample_rate, fft, frame_hop
        self.bands = int(self.model.config.num_mel_bins)
        self.dimension = int(self.model.config.hidden_size)
        seconds = self.window * frame_hop / sample_rate / 2 if hop_seconds is None else hop_seconds
        self.hop = max(1, round(seconds * sample_rate / frame_hop))

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> (batch, bands, frames), standardized."""
        return (self.frontend(samples) - self.mean) / self.deviation

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, bands, window) -> (n, dimension)."""
        if batch.shape[-1] != self.window:
            raise InputError(
                f"expected windows of {self.window} frames, for positions are learned; got "
                f"{batch.shape[-1]}; "
                "cut windows of that length"
            )
        return self.model(batch.transpose(1, 2)).pooler_output

    def layers(self) -> list[nn.Module]:
        """The patch embeddings, the transformer blocks, the last normalization."""
        return [self.model.embeddings, *self.model.layers, self.model.layernorm]


def _new_model(
    bands: int,
    frames: int,
    *,
    dimension: int,
    depth: int,
    heads: int,
    patch: int,
    strides: tuple[int, int],
    dropout: float,
) -> PreTrainedModel:
    """A transformer with random weights; positions and class tokens start small, for transformers leaves
    them at zero.
    """
    from transformers import ASTConfig, ASTModel

    if patch > min(bands, frames) or dimension % heads:
        raise RecipeError(
            f"expected a patch of at most {min(bands, frames)} and a dimension that {heads} heads divide; "
            f"got patch {patch} and dimension {dimension}; change them"
        )
    config = ASTConfig(
        hidden_size=dimension,
        num_hidden_layers=depth,
        num_attention_heads=heads,
        intermediate_size=4 * dimension,
        patch_size=patch,
        frequency_stride=strides[0],
        time_stride=strides[1],
        max_length=frames,
        num_mel_bins=bands,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    model = ASTModel(config)
    embeddings = model.embeddings
    for weight in (embeddings.position_embeddings, embeddings.cls_token, embeddings.distillation_token):
        nn.init.trunc_normal_(weight, std=0.02)
    return model
