"""A writer that is killed between any two renames loses nothing that was committed or staged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from crossmodal.retrieval.index import Index
from tests.crossmodal.retrieval.making import item, made, unit, writer

REPOSITORY = Path(__file__).parents[3]


def ids(folder: Path) -> str:
    return "".join(one.id for one in Index.open(folder).items)


KILLED = """
import os, sys
from pathlib import Path
import numpy as np
import crossmodal.base.files as files
from tests.crossmodal.retrieval.making import item, unit, writer

folder, steps = Path(sys.argv[1]), int(sys.argv[2])
replace = os.replace
def counted(source, target):
    global steps
    steps -= 1
    if steps < 0:
        os.kill(os.getpid(), 9)
    replace(source, target)
with writer(folder, shard_vectors=2) as one:
    os.replace = counted
    one.remove(["a"])
    for name in "xyz":
        one.add(item(name), unit(np.random.default_rng(5), 1))
    one.commit()
"""


@pytest.mark.parametrize("steps", range(8))
def test_kill_at_any_rename(tmp_path: Path, steps: int) -> None:
    vectors = made(tmp_path, "abc")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(steps)]
    done = subprocess.run(command, env=environment, check=False)
    committed = done.returncode == 0
    assert done.returncode in (0, -signal.SIGKILL)
    assert ids(tmp_path) == ("bcxyz" if committed else "abc")
    with writer(tmp_path) as one:
        assert set("abc") - {"a"} <= {known.id for known in one.items}
        staged = {known.id for known in one.items} & set("xyz")
        assert len(staged) >= min(3, 2 * min(steps, 1))
        for name in set("xyz") - staged:
            one.add(item(name), unit(np.random.default_rng(5), 1))
        one.commit()
    index = Index.open(tmp_path)
    assert {known.id for known in index.items} - {"a"} == set("bcxyz")
    (hits,) = index.search(vectors["b"][0], k=1)
    assert hits[0].item.id == "b"
    names = [path.name for path in tmp_path.iterdir() if path.name not in ("header.json", ".lock")]
    assert sorted(names) == sorted(
        [record.name for record in index.header.files.values()]
        + [f"staging-{index.header.generation + 1:06d}"]
        * (tmp_path / f"staging-{index.header.generation + 1:06d}").exists()
    )
