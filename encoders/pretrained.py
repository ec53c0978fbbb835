"""Public CLAP models (Wu et al. 2023; transformers' ClapModel) as two towers of one space.

Each tower reads its own half of the same file, so that the two together cost what the whole model costs.
Sound: 48 kHz, windows of 10 seconds that cover the whole track in fixed steps, never a random crop and
never "fusion" of crops.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from encoders.encoder import AudioEncoder
from encoders.hub import load_config, load_model, pretrained_folder
from encoders.tokens import TokenEncoder

DEFAULT_SOURCE = "laion/larger_clap_music"


class ClapFeatures(nn.Module):
    """Samples -> CLAP's log-mel images, as transformers' ClapFeatureExtractor makes them of a clip of full
    length.

    Power spectrum, Hann window, centred frames with reflected edges, mel filters, 10 log10, floor 1e-10.
    """

    filters: Tensor
    taper: Tensor

    def __init__(self, *, filters: np.ndarray, fft: int, hop: int) -> None:
        super().__init__()
        self.fft, self.hop = fft, hop
        self.register_buffer("filters", torch.from_numpy(filters.astype(np.float32)), persistent=False)
        self.register_buffer("taper", torch.hann_window(fft), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        """(n, samples) -> (n, 1 + samples // hop, bands) decibels."""
        with torch.autocast(samples.device.type, enabled=False):
            padded = nn.functional.pad(samples.float()[:, None], (self.fft // 2,) * 2, mode="reflect")[:, 0]
            spectrum = torch.fft.rfft(padded.unfold(-1, self.fft, self.hop) * self.taper)
            mel = (spectrum.real.square() + spectrum.imag.square()) @ self.filters
            return 10.0 * torch.log10(mel.clamp(min=1e-10))


class ClapAudio(AudioEncoder):
    """The audio half of a public CLAP model.

    source: hub id or folder; revision: of a hub id; hop_seconds: between windows, a whole window by
    default. A recording shorter than a window is repeated until it fills it, and the rest is silence, as
    CLAP was trained.
    """

    def __init__(
        self, *, source: str = DEFAULT_SOURCE, revision: str | None = None, hop_seconds: float | None = None
    ) -> None:
        super().__init__()
        from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor

        found = pretrained_folder(source, revision=revision)
        settings = load_config(found, "clap")
        self.model = load_model(ClapAudioModelWithProjection, found, may_miss=())
        self.pretrained = found.provenance
        self.fusion = bool(self.model.config.enable_fusion)
        known = ClapFeatureExtractor().to_dict()
        extractor = ClapFeatureExtractor(**{k: v for k, v in settings.items() if k in known})
        # Fusion models were trained on HTK filters, the others on Slaney's.
        filters = extractor.mel_filters if self.fusion else extractor.mel_filters_slaney
        self.features = ClapFeatures(filters=filters, fft=extractor.fft_window_size, hop=extractor.hop_length)
        self.sample_rate, self.frame_length, self.frame_hop = int(extractor.sampling_rate), 1, 1
        self.window = int(extractor.nb_max_samples)
        self.hop = self.window if hop_seconds is None else max(1, round(hop_seconds * self.sample_rate))
        self.dimension = int(self.model.config.projection_dim)

    def frames(self, samples: Tensor) -> Tensor:
        """(batch, samples) -> the same; non-finite samples count as silence. Spectra are made of whole
        windows.
        """
        return torch.nan_to_num(samples.float(), nan=0.0, posinf=0.0, neginf=0.0)

    def pad(self, samples: np.ndarray) -> np.ndarray:
        """(n,) -> (window,): repeated as often as it fits, then silence ("repeatpad")."""
        repeated = np.tile(samples, self.window // len(samples)) if len(samples) else samples
        return np.pad(repeated, (0, self.window - len(repeated)))

    def forward(self, batch: Tensor) -> Tensor:  # type: ignore[override]
        """(n, window) samples -> (n, dimension), not normalized."""
        images = self.features(batch)[:, None]
        if not self.fusion:
            return self.model(input_features=images).audio_embeds
        longer = torch.zeros(len(batch), 1, dtype=torch.bool, device=batch.device)
        return self.model(input_features=images.expand(-1, 4, -1, -1), is_longer=longer).audio_embeds

    def layers(self) -> list[nn.Module]:
        """Normalization of the bands, patches, the four stages, the last normalization, the projection."""
        encoder = self.model.audio_model.audio_encoder
        return [
            encoder.batch_norm,
            encoder.patch_embed,
            *encoder.layers,
            encoder.norm,
            self.model.audio_projection,
        ]


class ClapText(TokenEncoder):
    """The text half of a public CLAP model. source: hub id or folder; revision: of a hub id."""

    def __init__(self, *, source: str = DEFAULT_SOURCE, revision: str | None = None, maximum_tokens: int = 77) -> None:
        from transformers import ClapTextModelWithProjection

        found = pretrained_folder(source, revision=revision)
        load_config(found, "clap")
        super().__init__(found, maximum_tokens=maximum_tokens)
        self.model = load_model(ClapTextModelWithProjection, found, may_miss=())
        self.dimension = int(self.model.config.projection_dim)

    def forward(self, batch: Mapping[str, Tensor]) -> Tensor:  # type: ignore[override]
        """Token tensors -> (n, dimension), not normalized."""
        tokens = {name: batch[name] for name in ("input_ids", "attention_mask")}
        return self.model(**tokens).text_embeds

    def layers(self) -> list[nn.Module]:
        """The embeddings, the transformer blocks, the pooler, the projection."""
        text = self.model.text_model
        return [text.embeddings, *text.encoder.layer, text.pooler, self.model.text_projection]
