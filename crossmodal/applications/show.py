"""Results as text for people, and what spaces, indexes and recipes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from crossmodal.base.errors import InputError
from crossmodal.base.results import Ranking, ScoreTable

Facts = dict[str, object]


def table(rows: Sequence[Mapping[str, object]], *, empty: str = "nothing") -> str:
    """Rows under their column names, numbers to the right."""
    if not rows:
        return empty
    columns = list(rows[0])
    cells = [[_cell(row.get(c)) for c in columns] for row in rows]
    widths = [max(len(c), *(len(row[i]) for row in cells)) for i, c in enumerate(columns)]
    numeric = [all(isinstance(row.get(c), (int, float)) or row.get(c) is None for row in rows) for c in columns]

    def line(values: Sequence[str]) -> str:
        padded = [v.rjust(w) if n else v.ljust(w) for v, w, n in zip(values, widths, numeric, strict=True)]
        return "  ".join(padded).rstrip()

    return "\n".join([line(columns), *(line(row) for row in cells)])


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else " ".join(str(value).split())


def ranking(answer: Ranking) -> str:
    """A ranking as a table under its query; where it abstains, why."""
    asked = answer.query.text if answer.query.text is not None else answer.query.path
    rows: list[Facts] = []
    for result in answer.results:
        row: Facts = {"rank": result.rank, "similarity": result.similarity}
        if "tag" in result.detail:
            row["tag"] = result.detail["tag"]
        else:
            row["path"] = result.path
        rows.append(row)
    nothing = f"no answer: {'; '.join(answer.warnings)}".removesuffix(": ") if answer.abstained else "nothing found"
    return f"{asked}  [{answer.space}]\n{table(rows, empty=nothing)}"


def score_table(scores: ScoreTable) -> str:
    """A table of scores with intervals and chance."""
    rows: list[Facts] = [
        {"metric": r.metric, "value": r.value, "low": r.low, "high": r.high, "chance": r.chance, "n": r.n}
        for r in scores.rows
    ]
    head = f"{scores.space} on {scores.data} (split {scores.split}, seed {scores.seed}; 95% bootstrap intervals)"
    tail = f"\n{scores.excluded} items of training works left out" if scores.excluded else ""
    return f"{head}\n{table(rows)}{tail}"


def facts(known: Facts) -> str:
    """Names and values, one a line."""
    width = max(len(name) for name in known)
    return "\n".join(f"{name.ljust(width)}  {_listed(value)}" for name, value in known.items())


def _listed(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def describe(name: str) -> Facts:
    """What a space or an index is. Raises InputError for neither."""
    folder = Path(name)
    if (folder / "header.json").is_file():
        from crossmodal.retrieval.index import Index

        opened = Index.open(folder)
        header = opened.header
        return {
            "kind": "index",
            "path": str(folder),
            "space": str(header.space),
            "space path": header.space.location,
            "modality": header.modality,
            "items": header.items,
            "vectors": header.vectors,
            "dimension": header.space.dimension,
            "columns": opened.items.names(),
            "interrupted run": opened.interrupted,
        }
    from crossmodal.space_files import MANIFEST, load_space

    if folder.is_dir() and not any((folder / file).exists() for file in (MANIFEST, "config.json", "training")):
        raise InputError(f"{name}: expected a space or an index, found neither")
    space = load_space(name)
    known: Facts = {
        "kind": "space",
        "name": space.name,
        "path": space.location,
        "fingerprint": space.fingerprint,
        "dimension": space.dimension,
        "modalities": space.modalities,
        "weights": sum(p.numel() for p in space.embedding.parameters()),
        "training works": len(space.works),
        "vocabulary": space.vocabulary,
    }
    if space.embedding.facets is not None:
        known["facets"] = space.embedding.facets.names
    for modality in space.modalities:
        origin = space.encoder(modality).pretrained
        if origin:
            known[f"{modality} tower"] = ", ".join(f"{k} {v}" for k, v in origin.items())
    if space.recipe:
        known["description"] = " ".join(space.recipe.description.split())
        known["source"] = " ".join(space.recipe.source.split())
    return known


def list_spaces() -> list[Facts]:
    """Name, size and place of the spaces that are found by name."""
    from crossmodal.space_files import bundled_folder, space_names

    rows: list[Facts] = []
    for name, folder in space_names().items():
        size = sum(f.stat().st_size for f in folder.iterdir() if f.is_file()) / 1e6
        rows.append(
            {
                "name": name,
                "megabytes": round(size, 1),
                "bundled": folder.parent == bundled_folder(),
                "path": str(folder),
            }
        )
    return rows


def list_recipes() -> list[Facts]:
    """Name and first sentence of the recipes that ship."""
    from crossmodal.recipe import load_recipe, recipe_names

    rows: list[Facts] = []
    for name in recipe_names():
        recipe = load_recipe(name)
        rows.append(
            {
                "name": name,
                "modalities": ", ".join(recipe.towers),
                "description": recipe.description.split(":")[0].strip(),
            }
        )
    return rows
