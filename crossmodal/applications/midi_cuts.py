"""How many candidates each stage of the cascade hands on, chosen from validation ranks by the share of right answers that may be lost.

Raffel 2016, chapter on large-scale matching: every stage keeps as few candidates as it may while a wanted share of the true matches of a
validation set survives it. The rank of a true match among strangers grows with their number, so a cut is kept as a share of the
collection that it was measured on. The cuts of a space lie beside it, in cascade.json.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from crossmodal.alignment.hashing.rule import Rule
from crossmodal.base.errors import InputError, IntegrityError
from crossmodal.base.files import read_json, write_json

FILE = "cascade.json"
# Where a collection is small, a share of it is fewer candidates than there is time for. Measured on the works to tune on among 10,000
# strangers: 10 aligned exactly found 0.900 of the right ones, 40 found 0.929, and 100, or 3,000 compared, no more.
LEAST_COMPARED = 1_000  # tracks a key that are compared by hashes
LEAST_ALIGNED = 40  # tracks that are aligned exactly


class Cuts(BaseModel):
    """pruning: the share of the collection that is compared by hashes, in each key on average; hashing: the share that is aligned
    exactly; None: all of it, or `LEAST_ALIGNED` tracks. gully, penalty: of the rule that compares hashes. false_rejection: the share of
    right answers that each may lose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pruning: float | None = Field(default=None, gt=0, le=1)
    hashing: float | None = Field(default=None, gt=0, le=1)
    gully: float = Field(default=0.96, gt=0, le=1)
    penalty: int = Field(default=4, ge=0)  # the thesis' 15 is for files of nearly one tempo
    false_rejection: float | None = Field(default=None, ge=0, lt=1)
    data: str = ""
    queries: int = Field(default=0, ge=0)

    @property
    def rule(self) -> Rule:
        """How hashes are compared."""
        return Rule(self.gully, self.penalty)

    def after_pruning(self, count: int) -> int:
        """Of so many tracks, how many are compared by hashes."""
        return count if self.pruning is None else _kept(self.pruning, count, LEAST_COMPARED)

    def after_hashing(self, count: int) -> int:
        """Of so many tracks in the collection, how many are aligned exactly."""
        return _kept(self.hashing or 0.0, count, LEAST_ALIGNED)


def choose_cuts(
    pruning: ArrayLike, hashing: ArrayLike, *, tracks: int, false_rejection: float = 0.01, data: str = "", rule: Rule | None = None
) -> Cuts:  # fmt: skip
    """Cuts from the ranks (n,), from 1, that the right answers of n queries had at each stage among `tracks` candidates.

    false_rejection: the share of right answers that each stage may lose; pruning may be empty where there is no pruning network.
    Raises InputError for ranks outside 1 .. tracks, and for none.
    """
    if not 0 <= false_rejection < 1:
        raise InputError(f"false_rejection: expected a share from 0 to below 1, got {false_rejection}")
    found = {
        "pruning": np.asarray(pruning).astype(np.int64).ravel(),
        "hashing": np.asarray(hashing).astype(np.int64).ravel(),
    }
    if not len(found["hashing"]):
        raise InputError("hashing: expected ranks of right answers, got none; measure some queries")
    for name, ranks in found.items():
        if len(ranks) and (ranks.min() < 1 or ranks.max() > tracks):
            raise InputError(f"{name}: expected ranks from 1 to {tracks}, got {ranks.min()} to {ranks.max()}")
    shares = {name: _cut(ranks, false_rejection) / tracks if len(ranks) else None for name, ranks in found.items()}
    rule = rule or Cuts().rule
    return Cuts(
        **shares, gully=rule.gully, penalty=int(rule.penalty), false_rejection=false_rejection, data=data, queries=len(found["hashing"])
    )  # fmt: skip


def _cut(ranks: np.ndarray, false_rejection: float) -> int:
    """The least number of candidates that at most a share `false_rejection` of the ranks exceeds."""
    ordered = np.sort(ranks)
    lost = int(np.floor(false_rejection * len(ordered) + 1e-9))
    return int(ordered[len(ordered) - 1 - lost])


def _kept(share: float, count: int, least: int) -> int:
    return min(count, max(least, int(np.ceil(share * count))))


def save_cuts(folder: Path, cuts: Cuts) -> None:
    """Writes cascade.json into a space's folder."""
    write_json(folder / FILE, cuts.model_dump(mode="json"))


def load_cuts(location: str | Path) -> Cuts | None:
    """The cuts of a space, None where it has none. Raises IntegrityError for a damaged file."""
    path = Path(location) / FILE
    if not path.is_file():
        return None
    try:
        return Cuts.model_validate(read_json(path))
    except (InputError, ValidationError) as error:
        raise IntegrityError(
            f"{path}: expected the cuts of a cascade, got something else; measure them again or remove it"
        ) from error
