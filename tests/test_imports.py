"""The import direction of DESIGN.md, read from the source, and that the package and its help start without torch."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("crossmodal", "encoders", "pairs")
LEAVES = {  # package -> what of ours it may import besides itself
    "encoders": ("crossmodal.base", "crossmodal.pages"),  # pages are to score images what base.audio is to recordings
    "pairs": ("crossmodal.base", "crossmodal.pages"),
    "crossmodal.base": (),
    "crossmodal.objectives": ("crossmodal.base",),
    "crossmodal.retrieval": ("crossmodal.base",),
    "crossmodal.metrics": ("crossmodal.base",),
    "crossmodal.report": ("crossmodal.base",),
    "crossmodal.alignment": ("crossmodal.base",),
    "crossmodal.pages": ("crossmodal.base",),
}
TOP = (
    "crossmodal.__main__",
    "crossmodal.cli",
    "crossmodal.cli_scores",
    "crossmodal.cli_training",
    "crossmodal.cli_identify",
    "crossmodal.cli_genres",
    "crossmodal.cli_match",
    "crossmodal.cli_mashup",
    "crossmodal.cli_serve",
    "crossmodal.cli_similar",
    "crossmodal.command_line",
    "crossmodal.demo",
    "crossmodal.demo_covers",
    "crossmodal.demo_parts",
    "crossmodal.demo_similarity",
    "crossmodal.demo_report",
    "crossmodal.demo_words",
    "crossmodal.server",
)
BELOW_APPLICATIONS = (
    "crossmodal.recipe", "crossmodal.assembly", "crossmodal.augmentation", "crossmodal.data", "crossmodal.comparing",
    "crossmodal.recipe_yaml", "crossmodal.evaluation_covers", "crossmodal.picture_augmentation",
    "crossmodal.prepared", "crossmodal.embedding", "crossmodal.space", "crossmodal.space_files", "crossmodal.stages",
    "crossmodal.training", "crossmodal.training_stages", "crossmodal.material", "crossmodal.canary",
    "crossmodal.public", "crossmodal.card", "crossmodal.evaluation", "crossmodal.evaluation_singers",
    "crossmodal.real_voices", "crossmodal.voice_detection", "crossmodal.fluctuation", "crossmodal.overlays",
)  # fmt: skip
TABLES = {"encoders": "ENCODERS", "pairs": "PAIRS", "crossmodal.objectives": "OBJECTIVES"}
ASSEMBLES = {
    "crossmodal.assembly",
    "crossmodal.training_stages",
}  # the second: AUGMENTATIONS, with the encoder they work for


def modules() -> dict[str, Path]:
    """Dotted name -> file, of everything that ships."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imported(path: Path) -> Iterator[str]:
    """Dotted names that a file imports anywhere, those for type checking left out (they load nothing)."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and isinstance(block.test, ast.Name) and block.test.id == "TYPE_CHECKING"
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in unseen:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the direction"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


MODULES = modules()
OURS = {name: [i for i in imported(path) if i.split(".")[0] in PACKAGES] for name, path in MODULES.items()}


def test_the_source_was_found() -> None:
    assert len(MODULES) > 80 and sum(map(len, OURS.values())) > 300


@pytest.mark.parametrize("leaf", LEAVES)
def test_leaves_import_nothing_above_them(leaf: str) -> None:
    for name, imports in OURS.items():
        if inside(name, leaf):
            for target in imports:
                assert any(inside(target, allowed) for allowed in (leaf, *LEAVES[leaf])), f"{name} imports {target}"


@pytest.mark.parametrize("top", TOP)
def test_nothing_below_imports_the_command_line_or_the_demo(top: str) -> None:
    for name, imports in OURS.items():
        if not any(inside(name, other) for other in TOP):
            assert not [t for t in imports if inside(t, top)], f"{name} imports {top}"


def test_only_the_command_line_itself_imports_the_command_line() -> None:
    for name, imports in OURS.items():
        if name not in {"crossmodal.cli", "crossmodal.command_line", "crossmodal.__main__"}:
            assert not [t for t in imports if inside(t, "crossmodal.cli")], name


def test_learning_and_spaces_do_not_know_applications() -> None:
    for name, imports in OURS.items():
        if any(inside(name, below) for below in BELOW_APPLICATIONS):
            assert not [t for t in imports if inside(t, "crossmodal.applications")], name


def test_encoders_and_pairs_do_not_know_each_other() -> None:
    for name, imports in OURS.items():
        for one, other in (("encoders", "pairs"), ("pairs", "encoders")):
            if inside(name, one):
                assert not [t for t in imports if inside(t, other)], name


def test_only_assembly_turns_names_into_objects() -> None:
    for name, imports in OURS.items():
        tables = [t for package, table in TABLES.items() if (t := f"{package}.{table}") in imports]
        if tables and name not in ASSEMBLES and not any(inside(name, leaf) for leaf in LEAVES):
            assert not [t for t in tables if name not in ("crossmodal.cli", "crossmodal.command_line")], (
                f"{name}: {tables}"
            )


def test_no_cycles() -> None:
    names = set(MODULES)

    def module_of(target: str) -> str | None:
        return target if target in names else target.rpartition(".")[0] if target.rpartition(".")[0] in names else None

    graph: dict[str, set[str]] = {}
    for name, path in MODULES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        targets = [
            f"{n.module}.{a.name}" for n in tree.body if isinstance(n, ast.ImportFrom) and n.module for a in n.names
        ]
        graph[name] = {m for t in targets if (m := module_of(t)) and m != name}
    done: set[str] = set()

    def walk(name: str, way: list[str]) -> None:
        assert name not in way, " -> ".join([*way, name])
        if name not in done:
            for target in graph[name]:
                walk(target, [*way, name])
            done.add(name)

    for name in graph:
        walk(name, [])


@pytest.mark.parametrize("forbidden", ["pickle", "subprocess.shell"])
def test_nothing_unpickles(forbidden: str) -> None:
    for name, path in MODULES.items():
        for target in imported(path):
            assert not inside(target, forbidden) or target == "pickle.UnpicklingError", f"{name} imports {target}"


def test_librosa_is_imported_under_its_lock_only() -> None:
    for name, path in MODULES.items():
        for target in imported(path):
            assert not inside(target, "librosa") or name == "crossmodal.base.librosa_import", f"{name} imports {target}"


HEAVY = ("torch", "transformers", "lightning", "gensim", "verovio", "symusic", "faiss", "music21", "librosa", "sklearn")


@pytest.mark.parametrize(
    "start", ["import crossmodal", "import crossmodal.recipe", "import encoders, pairs, crossmodal.objectives", "HELP"]
)
def test_starting_is_light(start: str) -> None:
    code = start
    if start == "HELP":
        code = (
            "import sys\nfrom crossmodal.cli import main\nsys.argv = ['crossmodal', '--help']\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code"
        )
    code += f"\nimport sys\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "[]"
