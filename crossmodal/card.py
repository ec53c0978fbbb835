"""The card of a space: what it was trained on, under which licence, and how it was judged."""

from __future__ import annotations

from collections.abc import Mapping

from crossmodal.space import Space
from pairs.catalogue import Catalogue


def write_card(
    space: Space, catalogue: Catalogue, splits: Mapping[str, int], skipped: int, *, start: str | None = None
) -> str:
    """Markdown. Figures are added by whoever evaluates the space. start: the space that training began with."""
    assert space.recipe is not None
    recipe = space.recipe
    licences = sorted({str(item.fields["licence"]) for item in catalogue.items if item.fields.get("licence")})
    counts = ", ".join(f"{name} {count}" for name, count in splits.items())
    lines = [
        f"# {space.name}",
        "",
        recipe.description.strip(),
        "",
        f"- Source: {recipe.source or 'not stated'}",
        f"- Data: {catalogue.path.name}, {len(catalogue.items)} items ({counts}; {skipped} left out)",
        f"- Licence of the data: {', '.join(licences) or 'not stated in the catalogue'}",
        f"- Training works: {len(space.works)}, listed in works.json; evaluation leaves them out",
        f"- Tags seen in training: {len(space.vocabulary)}, listed in vocabulary.json",
        f"- Seed: {recipe.seed}; recipe: recipe.yaml",
    ]
    if start:
        lines.append(f"- Began with the weights of {start}, whose data and licences are in its card")
    for modality in space.modalities:
        origin = space.encoder(modality).pretrained
        if origin:
            lines.append(
                f"- Third-party {modality} tower, named and not copied: {', '.join(f'{k} {v}' for k, v in origin.items())}"
            )
    return "\n".join(lines) + "\n"
