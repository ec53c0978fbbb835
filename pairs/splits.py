"""Splits that do not leak: items that share a work, an artist or any other key stay together in train, validation or test.

The part of a group is decided by a hash of the group's name and the seed, so that it does not change when items are added.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import TypeVar

from crossmodal.base.errors import InputError
from pairs.source import Item

PARTS = ("train", "validation", "test")
SHARES = (0.7, 0.1, 0.2)
Key = Callable[[Item], Hashable | None]
Name = TypeVar("Name", bound=Hashable)


class UnionFind:
    """Disjoint sets over hashable names; `find` returns the set's representative."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def find(self, name: Hashable) -> Hashable:
        """Representative of the set of `name`, which is made when new."""
        root = self._parent.setdefault(name, name)
        while self._parent[root] != root:
            root = self._parent[root]
        while self._parent[name] != root:  # shorten the way for the next time
            self._parent[name], name = root, self._parent[name]
        return root

    def union(self, first: Hashable, second: Hashable) -> None:
        """Join two sets."""
        self._parent[self.find(second)] = self.find(first)

    def groups(self, names: Iterable[Name]) -> list[list[Name]]:
        """The given names as lists of those that belong together, in order of first appearance."""
        found: dict[Hashable, list[Name]] = defaultdict(list)
        for name in names:
            found[self.find(name)].append(name)
        return list(found.values())


def part_of(group: str, *, seed: int = 0, shares: Sequence[float] = SHARES) -> str:
    """The part that a group's name falls into. shares: of train, validation and test, summing to 1."""
    if len(shares) != 3 or min(shares) < 0 or abs(sum(shares) - 1) > 1e-6:
        raise InputError(f"split shares: expected three shares that sum to 1, got {tuple(shares)}")
    digest = hashlib.blake2b(f"{seed}:{group}".encode(), digest_size=8).digest()
    place = int.from_bytes(digest, "big") / 2**64
    if place < shares[0]:
        return "train"
    return "validation" if place < shares[0] + shares[1] else "test"


def by_work(item: Item) -> Hashable | None:
    """The work, or the id where no work is named."""
    return item.work or item.id


def by_field(column: str) -> Key:
    """A key that reads a column; items without it are tied to nothing by it."""

    def key(item: Item) -> Hashable | None:
        value = item.fields.get(column)
        return value if value not in (None, "") else None

    return key


def group_items(items: Sequence[Item], keys: Sequence[Key] = (by_work,)) -> list[list[int]]:
    """Indices of items that must stay together: those that share any key, directly or through others."""
    sets = UnionFind()
    for index, item in enumerate(items):
        sets.find(index)
        for number, key in enumerate(keys):
            value = key(item)
            if value is not None:
                sets.union((number, value), index)
    return sets.groups(range(len(items)))


def assign_splits(
    items: Sequence[Item], *, keys: Sequence[Key] = (by_work,), seed: int = 0, shares: Sequence[float] = SHARES,
    keep: bool = True,
) -> list[Item]:  # fmt: skip
    """Items with a split each. keep: splits that the catalogue gives stand, and decide for their whole group.

    InputError when the catalogue itself puts one group into several splits.
    """
    if keep:
        check_leakage(items, keys)
    split: dict[int, str] = {}
    for group in group_items(items, keys):
        given = {items[index].split for index in group} - {None} if keep else set()
        name = min(str(items[index].work or items[index].id) for index in group)
        part = given.pop() if given else part_of(name, seed=seed, shares=shares)
        split.update(dict.fromkeys(group, str(part)))
    return [replace(item, split=split[index]) for index, item in enumerate(items)]


def check_leakage(items: Sequence[Item], keys: Sequence[Key] = (by_work,)) -> None:
    """InputError, naming an example, when items that share a key lie in different splits."""
    for group in group_items(items, keys):
        parts: dict[str, str] = {}
        for index in group:
            if items[index].split is not None:
                parts.setdefault(str(items[index].split), items[index].id)
        if len(parts) > 1:
            shown = ", ".join(f'"{name}" in {part}' for part, name in sorted(parts.items()))
            raise InputError(
                f"expected each work in one split, got one work in several ({shown}); mend the column split"
            )
