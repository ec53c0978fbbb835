"""Speed of conditional search and of the triplet miners, as ratios that one run measures: prints goals met and missed, always exits 0.

    python scripts/bench_similarity.py [--tracks 50000] [--json]      # about a minute on 2 cores

- A search by weighted facets beside a plain one of the same index and query: no vector is made again. Goal: 1.2 times as long at the most.
- Each triplet miner beside the step of the network whose batch it mines (the Inception network of conditional similarity, 16 windows, one
  core). Goal: a tenth of it at the most, so that the device is not kept waiting.

Vectors are random; times are processor seconds.
"""

from __future__ import annotations

import argparse
import functools
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch

from crossmodal.facets import Facets
from crossmodal.objectives.miners import MINERS
from crossmodal.retrieval.header import SpaceReference
from crossmodal.retrieval.index import Index
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.writer import IndexWriter
from encoders.inception import MelInception
from scripts.benchmarking import Row, processor, report

SIZES = {"genre": 64, "mood": 64, "instruments": 64, "tempo": 64}
SLOWER, SHARE = 1.2, 0.1


def make_index(folder: Path, *, tracks: int, seed: int = 0) -> Index:
    """An index of random vectors whose facets have one length."""
    facets = Facets(SIZES, each=True)
    raw = torch.randn(tracks, facets.dimension, generator=torch.Generator().manual_seed(seed))
    vectors = facets.unit(raw).numpy()
    space = SpaceReference(name="random", location="random", fingerprint="0" * 64, dimension=facets.dimension)
    with IndexWriter(folder, space=space, modality="audio") as writer:
        for number, vector in enumerate(vectors):
            item = IndexedItem(f"t{number}", f"/t{number}.wav", "", 0, 0, "audio")
            writer.add(item, vector[None], np.zeros(1, np.float32))
        writer.commit()
    return Index.open(folder)


def measure_search(index: Index, *, queries: int = 40, k: int = 10) -> Row:
    """Weighted search, the weighing and the facets of its answers included, beside plain search."""
    facets = Facets(SIZES, each=True)
    asked = [np.asarray(index.vectors[row]) for row in range(queries)]

    def plain() -> None:
        for query in asked:
            index.search(query[None], k=k)

    def weighted() -> None:
        for query in asked:
            vector = facets.weighted(query, {"mood": 1.0, "tempo": 0.5}, track=0.3)
            hits = index.search(vector[None], k=k)[0]
            facets.cosines(query, np.asarray(index.vectors[[hit.vector_row for hit in hits]]))

    plain()  # both find the vectors in memory
    slow, fast = processor(weighted, 3) / queries, processor(plain, 3) / queries
    return Row(
        f"search by weighted facets, {len(index.items):,} tracks", 1000 * slow, "ms a query", 1000 * fast, slow / fast,
        f"at most {SLOWER} times plain", slow / fast <= SLOWER,
    )  # fmt: skip


def measure_miners(*, batch: int = 16, network: MelInception | None = None) -> list[Row]:
    """Milliseconds of each miner on a batch, beside forward and backward of the network."""
    torch.set_num_threads(1)
    network = network or MelInception()
    windows = torch.randn(batch, network.bands, network.window)

    def step() -> None:
        network.zero_grad()
        network(windows).square().mean().backward()

    training = processor(step, 2)
    generator = torch.Generator().manual_seed(0)
    similarities = torch.rand(batch, batch, generator=generator)
    positives = torch.rand(batch, batch, generator=generator) < 0.3
    rows = []
    for name, mine in MINERS.items():
        used = processor(functools.partial(mine, similarities, positives, ~positives, 1, generator), 20)
        rows.append(
            Row(
                f"{name} triplets of {batch} by {batch}", 1000 * used, "ms a batch", 1000 * training, used / training,
                f"at most {SHARE} of a step", used / training <= SHARE,
            )
        )  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=50_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        rows = [measure_search(make_index(Path(folder) / "index", tracks=given.tracks)), *measure_miners()]
    return report(rows, heading="Similarity", versions={"torch": torch.__version__}, as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
