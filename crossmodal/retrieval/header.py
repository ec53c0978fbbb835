"""The header of an index: which space its vectors are of, and which files, with which checksums, hold them.

`header.json` is the index: files that it does not name do not exist. It is replaced atomically, so that a
commit is either done or not begun.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import read_json, write_json

HEADER = "header.json"


class SpaceReference(BaseModel):
    """The space that vectors are of. location: as the user gave it (path, name or model id); fingerprint:
    decides identity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    location: str
    fingerprint: str
    dimension: int = Field(gt=0)

    def __str__(self) -> str:
        return f"{self.name}@{self.fingerprint[:8]}"


class FileRecord(BaseModel):
    """A file of the index and the sha256 of its content."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    sha256: str


class Header(BaseModel):
    """kind: "float" vectors compared by inner product (binary codes will be another kind). preprocessing:
    how files become
    vectors, in JSON values: vectors made otherwise are refused. generation counts commits."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal[1] = 1
    kind: Literal["float"] = "float"
    space: SpaceReference
    modality: str
    preprocessing: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    generation: int = 0
    items: int = 0
    vectors: int = 0
    files: dict[Literal["items", "rows", "vectors", "ann"], FileRecord] = Field(default_factory=dict)


def _checksum(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def read_header(folder: Path) -> Header:
    """The header of the index in `folder`. InputError where there is no index, IntegrityError where it is
    damaged.
    """
    path = folder / HEADER
    if not path.exists():
        found = "a folder without header.json" if folder.is_dir() else "nothing there"
        found = "a space" if (folder / "manifest.json").exists() else found
        raise InputError(f"{folder}: expected an index, got {found}; make one with 'crossmodal index'")
    try:
        content = read_json(path)
        if not isinstance(content, dict) or content.pop("checksum", None) != _checksum(content):
            raise IntegrityError(f"{path}: the header was changed or damaged; index again")
        return Header.model_validate(content)
    except (InputError, ValidationError) as error:
        raise IntegrityError(f"{path}: expected the header of an index, got a damaged one; index again") from error


def write_header(folder: Path, header: Header) -> None:
    """Make `header` the state of the index, atomically."""
    content = header.model_dump()
    write_json(folder / HEADER, {**content, "checksum": _checksum(content)})


def check_space(header: Header, space: SpaceReference, *, where: str) -> None:
    """IntegrityError, naming both, unless the vectors of the index are of `space`."""
    if header.space.fingerprint != space.fingerprint or header.space.dimension != space.dimension:
        raise IntegrityError(
            f"{where}: this index holds vectors of the space {header.space} ({header.space.dimension} "
            "dimensions), "
            f"got {space} ({space.dimension} dimensions); use that space, or index again into another folder"
        )
