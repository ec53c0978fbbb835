"""Networks that turn one item of one modality into a vector. `ENCODERS` and `HEADS` are the only tables of
their names.

Nothing heavy is imported here: `crossmodal.base.names.resolve` finds the class of a name when a recipe asks for it.
"""

from __future__ import annotations

ENCODERS: dict[str, str] = {
    "mel-cnn": "encoders.spectrogram:MelCnn",
    "mel-cnn-1d": "encoders.spectrogram:MelCnn1d",
    "mel-inception": "encoders.inception:MelInception",
    "sample-cnn": "encoders.waveform:SampleCnn",
    "re-se-2-multi": "encoders.waveform:ReSE2Multi",
    "mfcc-histogram": "encoders.timbre:MfccHistogram",
    "mixture-supervector": "encoders.timbre:MixtureSupervector",
    "spectrogram-transformer": "encoders.spectrogram_transformer:SpectrogramTransformer",
    "excerpt-context": "encoders.excerpts:ExcerptContext",
    "excerpt-vgg": "encoders.excerpts:ExcerptVgg",
    "sheet-context": "encoders.sheets:SheetContext",
    "sheet-vgg": "encoders.sheets:SheetVgg",
    "constant-q-hash": "encoders.midi_hash:ConstantQHash",
    "constant-q-hash-2016": "encoders.midi_hash:ConstantQHash2016",
    "constant-q-pruning": "encoders.midi_hash:ConstantQPruning",
    "word-vectors": "encoders.words:WordVectors",
    "sentences": "encoders.sentences:Sentences",
    "labels": "encoders.labels:Labels",
    "constant-q-cnn": "encoders.constant_q_cnn:ConstantQCnn",
    "covers": "encoders.covers:Covers",
    "clap-audio": "encoders.pretrained:ClapAudio",
    "clap-text": "encoders.pretrained:ClapText",
}

HEADS: dict[str, str] = {
    "projection": "encoders.heads:Projection",
    "linear": "encoders.heads:Linear",
    "identity": "encoders.heads:Identity",
    "free": "encoders.heads:Free",
    "cca": "encoders.cca:Canonical",
    "lda": "encoders.cca:Canonical",
    "lmnn": "encoders.cca:Canonical",
    "hash": "encoders.heads:Hash",
}
