"""Public joint models as ready-made spaces: CLAP through transformers, by hub id or folder, safetensors only."""

from __future__ import annotations

from pathlib import Path

from crossmodal.embedding import JointEmbedding, TowerModule
from crossmodal.space import Space


def load_public(source: str, *, revision: str | None = None) -> Space:
    """A CLAP model as a space. `source`: hub id ("laion/larger_clap_music") or a folder with its files; "id@revision" pins a revision.

    Raises InputError where it cannot be had or is not a CLAP model.
    """
    from encoders.heads import Identity
    from encoders.pretrained import ClapAudio, ClapText

    if revision is None and "@" in source and not Path(source).exists():
        source, _, revision = source.partition("@")
    if Path(source).is_dir():
        source = str(Path(source).resolve())  # an index finds it from wherever it is searched
    audio = ClapAudio(source=source, revision=revision)
    text = ClapText(source=source, revision=revision)
    embedding = JointEmbedding(
        {
            "audio": TowerModule(audio, Identity(audio.dimension), train="frozen"),
            "text": TowerModule(text, Identity(text.dimension), train="frozen"),
        }
    ).eval()
    origin = audio.pretrained or {}
    return Space(
        name=Path(source).name,
        location=source if revision is None else f"{source}@{revision}",
        fingerprint=origin["sha256"],
        embedding=embedding,
        card=f"Public model {source}, revision {origin.get('revision')}, sha256 {origin.get('sha256')}.",
    )
