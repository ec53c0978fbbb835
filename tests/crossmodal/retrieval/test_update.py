"""What changed between an index and its files."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from crossmodal.retrieval.index import Index
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.update import UpdatePlan, file_facts, plan_update
from tests.crossmodal.retrieval.making import unit, writer


def indexed(folder: Path, **contents: str) -> list[IndexedItem]:
    """Files with these contents, and items that know them."""
    folder.mkdir(exist_ok=True)
    items = []
    for name, content in contents.items():
        path = folder / name
        path.write_text(content)
        facts = file_facts(path)
        items.append(IndexedItem(name, facts.path, facts.sha256, facts.size, facts.modified_ns, "audio"))
    return items


def listing(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def names(plan: UpdatePlan) -> dict[str, list[str]]:
    return {
        "add": [Path(file.path).name for file in plan.add],
        "remove": plan.remove,
        "move": [f"{identifier}>{Path(file.path).name}" for identifier, file in plan.move],
        "keep": plan.keep,
    }


def test_nothing_changed(tmp_path: Path) -> None:
    items = indexed(tmp_path, a="1", b="2")
    assert names(plan_update(items, listing(tmp_path))) == {"add": [], "remove": [], "move": [], "keep": ["a", "b"]}
    assert plan_update([], []) == UpdatePlan()


def test_new_gone_renamed_changed_touched(tmp_path: Path) -> None:
    items = indexed(tmp_path, kept="1", gone="2", renamed="3", changed="4", touched="5")
    (tmp_path / "gone").unlink()
    (tmp_path / "renamed").rename(tmp_path / "other")
    (tmp_path / "changed").write_text("now longer")
    os.utime(tmp_path / "touched", ns=(1, 1))
    (tmp_path / "new").write_text("6")
    assert names(plan_update(items, listing(tmp_path))) == {
        "add": ["changed", "new"],
        "remove": ["changed", "gone"],
        "move": ["touched>touched", "renamed>other"],
        "keep": ["kept"],
    }


def test_copies_are_new_files_and_swapped_names_are_followed(tmp_path: Path) -> None:
    items = indexed(tmp_path, a="1", b="22")
    (tmp_path / "copy").write_text("1")
    assert names(plan_update(items, listing(tmp_path)))["add"] == ["copy"]
    (tmp_path / "copy").unlink()
    (tmp_path / "a").write_text("22")
    (tmp_path / "b").write_text("1")
    plan = plan_update(items, listing(tmp_path))
    assert sorted(names(plan)["add"]) == ["a", "b"]
    assert sorted(plan.remove) == ["a", "b"]


def test_files_that_were_not_listed(tmp_path: Path) -> None:
    items = indexed(tmp_path, a="1", b="2")
    assert plan_update(items, [tmp_path / "a"]).keep == ["a", "b"]
    assert plan_update(items, [tmp_path / "a"], drop_unlisted=True).remove == ["b"]


def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    items = indexed(tmp_path, a="1")
    plan = plan_update(items, [tmp_path / "a", tmp_path / "missing"])
    assert plan.keep == ["a"]
    assert [Path(row.path).name for row in plan.skipped] == ["missing"]


def test_through_a_writer(tmp_path: Path) -> None:
    music, folder = tmp_path / "music", tmp_path / "index"
    items = indexed(music, a="1", b="2")
    with writer(folder) as one:
        for known in items:
            one.add(known, unit(np.random.default_rng(0), 1))
        one.commit()
    (music / "a").unlink()
    (music / "sub").mkdir()
    (music / "b").rename(music / "sub" / "b ü")
    with writer(folder) as one:
        one.apply(plan_update(one.items, listing(music)))
        one.commit()
    assert [known.path for known in Index.open(folder).items] == [str(music / "sub" / "b ü")]
