"""Readers see whole generations while a writer commits one after the other."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np

from crossmodal.retrieval.index import Index
from tests.crossmodal.retrieval.making import made

REPOSITORY = Path(__file__).parents[3]

COMMITTING = """
import sys
from pathlib import Path
import numpy as np
from tests.crossmodal.retrieval.making import item, unit, writer

with writer(Path(sys.argv[1])) as one:
    for number in range(25):
        one.add(item(f"n{number}"), unit(np.random.default_rng(number), 2))
        one.commit()
"""


def test_readers_during_commits(tmp_path: Path) -> None:
    vectors = made(tmp_path, "abc")
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    opened: list[int] = []
    with (
        subprocess.Popen([sys.executable, "-c", COMMITTING, str(tmp_path)], env=environment) as process,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        while process.poll() is None:
            index = Index.open(tmp_path)
            assert len(index.items) == 3 + index.header.generation - 1
            (hits,) = index.search(vectors["b"][0], k=1)
            assert hits[0].item.id == "b"
            assert np.isfinite(index.vectors).all()
            opened.append(index.header.generation)
    assert process.returncode == 0
    assert opened == sorted(opened)
    assert Index.open(tmp_path).header.generation == 26
