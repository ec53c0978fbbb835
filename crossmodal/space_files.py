"""Spaces on disk: saving, finding and loading; nothing is loaded that is not what it was.

A space is complete when its manifest is there; the manifest is removed first and written last. Weights are safetensors only.
"""

from __future__ import annotations

import hashlib
import json
import logging
import multiprocessing
from importlib import resources
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from crossmodal.assembly import build_embedding
from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import atomic_write, make_folder, read_json, remove_leftovers, sha256_file, write_json
from crossmodal.base.names import nearest
from crossmodal.base.places import home_folder
from crossmodal.canary import canary_vectors
from crossmodal.embedding import owned_state
from crossmodal.recipe import dump_recipe, parse_recipe
from crossmodal.space import Background, Space

FORMAT = 1
TOLERANCE = 1e-3  # largest distance of a canary's vector: other processors round otherwise, other weights are far off
FILES = ("recipe.yaml", "weights.safetensors", "vocabulary.json", "works.json", "card.md", "canary.safetensors")
MANIFEST = "manifest.json"
NON_COMMERCIAL = "-nc"  # the end of the name of a space whose data forbid commercial use
_LOG = logging.getLogger("crossmodal")


def save_space(space: Space, folder: Path, *, half: bool = False) -> Space:
    """Writes a space; returns it as it is loaded from there. half: in 16 bits a weight, to which they are rounded in place."""
    assert space.recipe is not None and space.background is not None
    make_folder(folder)
    remove_leftovers(folder)  # of a run that was killed
    (folder / MANIFEST).unlink(missing_ok=True)
    weights = owned_state(space.embedding)
    if half:  # the towers of others, which are not copied, stay as they are
        weights = {name: _rounded(tensor) for name, tensor in weights.items()}
        state = space.embedding.state_dict()
        for name, tensor in weights.items():
            state[name].copy_(tensor)
    weights |= {"background.mean": space.background.mean, "background.covariance": space.background.covariance}
    _write_text(folder / "recipe.yaml", dump_recipe(space.recipe))
    _write_tensors(folder / "weights.safetensors", weights)
    write_json(folder / "vocabulary.json", {"tags": space.vocabulary})
    write_json(folder / "works.json", sorted(space.works))
    _write_text(folder / "card.md", space.card)
    _write_tensors(folder / "canary.safetensors", canary_vectors(space))
    hashes = {name: sha256_file(folder / name) for name in FILES}
    foreign = {m: space.encoder(m).pretrained for m in space.modalities if space.encoder(m).pretrained}
    write_json(
        folder / MANIFEST,
        {
            "format": FORMAT,
            "name": space.name,
            "files": hashes,
            "pretrained": foreign,
            "fingerprint": _fingerprint(hashes, foreign),
        },
    )
    return load_space(folder)


def _rounded(tensor: Tensor) -> Tensor:
    """In 16 bits, unless it is of integers or has a value beyond 65,504, as variances of what nothing normalizes may have."""
    half = tensor.half() if tensor.is_floating_point() else tensor
    return half if half.isfinite().all() else tensor


def load_space(name: str | Path) -> Space:
    """A space by path, by the name of one trained here or bundled, or by a public model id with a `/`.

    One whose name ends in "-nc" says in a line of the log (stderr, unless configured) that its data forbid commercial use.

    Raises InputError where there is none, IntegrityError where files or vectors are not what they were.
    """
    folder = find_space(name)
    if folder is None:
        from crossmodal.public import load_public

        return load_public(str(name))
    if (folder / "config.json").exists() and not (folder / "recipe.yaml").exists():
        from crossmodal.public import load_public

        return load_public(str(folder))
    space = _load_folder(folder)
    if space.name.endswith(NON_COMMERCIAL) and multiprocessing.parent_process() is None:
        _LOG.warning("crossmodal: %s: its training data forbid commercial use; see its card", space.reference)
    return space


def find_space(name: str | Path) -> Path | None:
    """Where a space lies; None for a public model id. Raises InputError with the known names."""
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    text = str(name)
    for root in (home_folder() / "spaces", bundled_folder()):
        if "/" not in text and (root / text / MANIFEST).is_file():
            return root / text
    if "/" in text and not path.is_absolute() and not text.startswith((".", "~")) and text.count("/") == 1:
        return None
    known = space_names()
    raise InputError(
        f'expected a space\'s folder or name, got "{text}".{nearest(text, known)} Known: {", ".join(known) or "none"}; '
        "train one with 'crossmodal train', or name a public model (laion/larger_clap_music)"
    )


def bundled_folder() -> Path:
    """Where the spaces that ship lie."""
    return Path(str(resources.files("crossmodal"))) / "spaces"


def space_names() -> dict[str, Path]:
    """Spaces trained here, then bundled ones: name -> folder."""
    found: dict[str, Path] = {}
    for root in (home_folder() / "spaces", bundled_folder()):
        for manifest in sorted(root.glob(f"*/{MANIFEST}")):
            found.setdefault(manifest.parent.name, manifest.parent)
    return found


def _load_folder(folder: Path) -> Space:
    manifest = _checked_manifest(folder)
    recipe = parse_recipe((folder / "recipe.yaml").read_text(encoding="utf-8"), origin=str(folder / "recipe.yaml"))
    tags, works = _known_words(folder)
    embedding = build_embedding(recipe, names=tags).eval()
    weights = _read_tensors(folder / "weights.safetensors")
    expected = {*owned_state(embedding), "background.mean", "background.covariance"}
    if expected != set(weights):
        wrong = sorted(expected ^ set(weights))
        raise IntegrityError(
            f"{folder}: expected the weights of its recipe, got others ({wrong[0]} and {len(wrong) - 1} more); train it again"
        )
    background = Background(weights.pop("background.mean"), weights.pop("background.covariance"))
    embedding.load_state_dict(weights, strict=False)  # the rest is third-party towers, loaded by their encoders
    space = Space(
        name=str(manifest["name"]),
        location=str(folder.resolve()),
        fingerprint=str(manifest["fingerprint"]),
        embedding=embedding,
        recipe=recipe,
        vocabulary=tags,
        works=frozenset(works),
        background=background,
        card=(folder / "card.md").read_text(encoding="utf-8"),
    )
    _check_towers(space, manifest, folder)
    _check_canary(space, folder)
    return space


def _known_words(folder: Path) -> tuple[list[str], list[str]]:
    """Tags and training works."""
    vocabulary, works = read_json(folder / "vocabulary.json"), read_json(folder / "works.json")
    tags = vocabulary.get("tags") if isinstance(vocabulary, dict) else None
    for name, value in (("vocabulary.json", tags), ("works.json", works)):
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise IntegrityError(
                f"{folder}: expected a list of texts in {name}, got something else; copy the folder again or train it again"
            )
    return tags, works  # type: ignore[return-value]


def _checked_manifest(folder: Path) -> dict[str, object]:
    if (folder / "header.json").exists():
        raise InputError(
            f"{folder}: expected a space, got an index; the space comes first: crossmodal index SPACE FILES --output INDEX"
        )
    if not (folder / MANIFEST).exists():
        interrupted = (
            "; its training was interrupted, run it again with --resume" if (folder / "training").is_dir() else ""
        )
        raise InputError(
            f"{folder}: expected a space, got a folder without {MANIFEST}{interrupted or '; see crossmodal spaces'}"
        )
    manifest = read_json(folder / MANIFEST)
    if (
        not isinstance(manifest, dict)
        or manifest.get("format") != FORMAT
        or not isinstance(manifest.get("files"), dict)
    ):
        raise IntegrityError(
            f"{folder}: expected a space of format {FORMAT}, got another; update crossmodal or train the space again"
        )
    for name in FILES:
        if not (folder / name).exists():
            raise IntegrityError(
                f"{folder}: expected the file {name}, found none; copy the whole folder again or train it again"
            )
        if sha256_file(folder / name) != manifest["files"].get(name):
            raise IntegrityError(
                f"{folder}: {name} is not the file that was saved (sha256 differs); copy the folder again or train it again"
            )
    if manifest.get("fingerprint") != _fingerprint(manifest["files"], manifest.get("pretrained")):
        raise IntegrityError(
            f"{folder}: {MANIFEST} was changed (its fingerprint differs); copy the folder again or train it again"
        )
    return manifest


def _check_towers(space: Space, manifest: dict[str, object], folder: Path) -> None:
    stated = manifest.get("pretrained")
    for modality, origin in (stated if isinstance(stated, dict) else {}).items():
        found = space.encoder(modality).pretrained or {}
        if origin.get("sha256") != found.get("sha256"):
            raise IntegrityError(
                f"{folder}: expected the {modality} tower {origin.get('source')} with sha256 {origin.get('sha256')}, "
                f"got {found.get('sha256')}; install the revision that the space was trained with"
            )


def _check_canary(space: Space, folder: Path) -> None:
    expected = _read_tensors(folder / "canary.safetensors")
    for modality, now in canary_vectors(space).items():
        before = expected.get(modality)
        if before is None or before.shape != now.shape or not bool(((before - now).norm(dim=-1) < TOLERANCE).all()):
            raise IntegrityError(
                f"{folder}: its {modality} vectors are not what they were when it was saved (tolerance {TOLERANCE}); "
                "a library or a tower has changed: install the versions it was trained with, or train it again"
            )


def _fingerprint(hashes: dict[str, str], pretrained: object) -> str:
    deciding = [hashes["recipe.yaml"], hashes["weights.safetensors"], json.dumps(pretrained, sort_keys=True)]
    return hashlib.sha256("\n".join(deciding).encode()).hexdigest()


def _write_text(path: Path, text: str) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    with atomic_write(path) as temporary:
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, temporary)
        temporary.chmod(0o644)  # safetensors makes it readable by its owner alone, which an installed space must not be


def _read_tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise IntegrityError(
            f"{path}: expected tensors (safetensors), got something else ({error}); copy the folder again or train it again"
        ) from None
