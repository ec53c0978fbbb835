"""What the server costs on top of the search itself: text search over many items, at 1, 8 and 64 clients, beside a bare FAISS search.

    python scripts/bench_serve.py [--items 100000] [--requests 300] [--space text-music] [--json]

- An index of random unit vectors is made in a folder of its own; the words are encoded by the real space.
- Bare: as many threads as clients search the same FAISS file for vectors that are ready, each for itself.
- Encoding: the same words through the text tower, one at a time, by nobody else; it is no part of the server's own share.
- Served: an asyncio client on loopback with as many connections as clients, in a process of its own, as the server is.
- Own share at one client: served - encoding - bare (both medians). At more clients the bare search and the encoding of a batch are
  shared, so the difference to bare alone is told.
- CPU of the server per request: processor time of its process at one client, which neighbours on a busy machine do not change; beside it
  that of the encoding and of the bare search here, and what is left as the server's own.
- Memory: of the server before and after 10,000 requests (`--soak`). Reload: another state is committed while clients ask; no
  request may fail.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from crossmodal.applications.indexing import reference_of
from crossmodal.retrieval.index import Index
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.writer import IndexWriter
from crossmodal.server.settings import leave_a_core
from crossmodal.space import Space
from crossmodal.space_files import load_space
from scripts.serving import Server, serving

CLIENTS = (1, 8, 64)
GOAL_MILLISECONDS = 5.0
FETCHED = 64  # vectors that a search for 10 items fetches
WORDS = (
    "slow", "solemn", "choir", "lively", "fiddle", "tune", "solo", "flute", "fast", "cheerful", "string", "quartet", "piano", "hall",
)  # fmt: skip
Row = dict[str, float | int | str]


def make_index(folder: Path, space: Space, items: int, *, seed: int = 0) -> None:
    """An index of so many invented items; a second call adds ten more, which is another state."""
    generator = np.random.default_rng(seed)
    with IndexWriter(folder, space=reference_of(space), modality="audio", shard_vectors=1 << 16) as writer:
        known = len(writer.items)
        vectors = generator.normal(size=(items - known, space.dimension)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        for number, vector in enumerate(vectors, known):
            fields = {"title": f"Item {number}"}
            item = IndexedItem(f"item-{number}", f"/nowhere/{number}.wav", f"{number:064x}", 1, 1, "audio", 1.0, fields)
            writer.add(item, vector[None], np.zeros(1, np.float32))
        writer.commit()


def texts(count: int, *, seed: int = 1) -> list[str]:
    """Different queries of three words."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, 3)) + f" {number}" for number in range(count)]


def quantiles(seconds: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile, in milliseconds."""
    return 1e3 * statistics.median(seconds), 1e3 * float(np.quantile(seconds, 0.99))


def timed(work: Callable[[int], object], numbers: Sequence[int]) -> list[float]:
    """Seconds of each call."""
    taken = []
    for number in numbers:
        start = time.perf_counter()
        work(number)
        taken.append(time.perf_counter() - start)
    return taken


def bare(index: Index, queries: np.ndarray, clients: int) -> list[float]:
    """FAISS alone, as many threads as clients."""
    searcher = index._searcher
    shares = np.array_split(np.arange(len(queries)), clients)
    with ThreadPoolExecutor(clients) as pool:
        done = pool.map(
            lambda share: timed(lambda n: searcher.search(queries[n : n + 1], FETCHED), share.tolist()), shares
        )
        return [seconds for part in done for seconds in part]


async def _client(host: str, port: int, paths: Sequence[str], taken: list[float], failed: list[str]) -> None:
    """One connection that is kept: asks, reads the whole answer, asks again."""
    reader, writer = await asyncio.open_connection(host, port)
    for path in paths:
        start = time.perf_counter()
        writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.partition("content-length: ")[2].split("\r\n", 1)[0])
        await reader.readexactly(length)
        taken.append(time.perf_counter() - start)
        if " 200 " not in head.split("\r\n", 1)[0]:
            failed.append(head.split("\r\n", 1)[0])
    writer.close()


def served(server: Server, asked: Sequence[str], clients: int) -> tuple[list[float], list[str]]:
    """Seconds of each request, and what failed."""
    place = urlsplit(server.address)
    paths = [f"/api/indexes/bench/search?k=10&text={quote(text)}" for text in asked]
    taken: list[float] = []
    failed: list[str] = []

    async def all_clients() -> None:
        await asyncio.gather(
            *(
                _client(str(place.hostname), int(place.port or 80), paths[n::clients], taken, failed)
                for n in range(clients)
            )
        )

    asyncio.run(all_clients())
    return taken, failed


def memory(server: Server) -> float:
    """Resident megabytes of the server."""
    for line in Path(f"/proc/{server.process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return float("nan")


def processor(server: Server) -> float:
    """Seconds of processor time that the server's process has taken, all of its threads, not the processes that read files."""
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def processor_row(server: Server, index: Index, space: Space, requests: int) -> Row:
    """Milliseconds of processor time of a request, of its encoding, and of its search, at one client."""
    asked = texts(requests, seed=4)
    vectors = space.fold(space.encode("text", asked))
    before = processor(server)
    served(server, asked, 1)
    whole = processor(server) - before
    before = time.process_time()
    timed(lambda n: space.encode("text", [asked[n]]), range(requests))
    encoding = time.process_time() - before
    before = time.process_time()
    timed(lambda n: index._searcher.search(vectors[n : n + 1], FETCHED), range(requests))
    search = time.process_time() - before
    each = 1e3 / requests
    return {
        "served": each * whole, "encoding": each * encoding, "bare": each * search, "own share": each * (whole - encoding - search),
    }  # fmt: skip


def measure(server: Server, index: Index, space: Space, requests: int) -> list[Row]:
    """A row for each number of clients."""
    asked = texts(requests)
    vectors = space.fold(space.encode("text", asked))
    served(server, texts(40, seed=9), 4)  # warm
    encoding = quantiles(timed(lambda n: space.encode("text", [asked[n]]), range(min(100, requests))))[0]
    rows: list[Row] = []
    for clients in CLIENTS:
        count = max(requests, 4 * clients)
        repeated = [asked[n % requests] for n in range(count)]
        alone = quantiles(bare(index, np.resize(vectors, (count, vectors.shape[1])), clients))
        start = time.perf_counter()
        taken, failed = served(server, repeated, clients)
        rate = count / (time.perf_counter() - start)
        found = quantiles(taken)
        own = found[0] - alone[0] - (encoding if clients == 1 else 0.0)
        rows.append({
            "clients": clients, "bare p50": alone[0], "bare p99": alone[1], "encoding p50": encoding, "served p50": found[0],
            "served p99": found[1], "own share p50": own, "requests a second": rate, "failed": len(failed),
        })  # fmt: skip
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints the load table, the memory over many requests, and what a reload costs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--soak", type=int, default=10_000, help="Requests over which memory is watched.")
    parser.add_argument("--space", default="text-music")
    chosen = parser.parse_args(arguments)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)  # a row is told when it is measured
    space = load_space(chosen.space)
    with tempfile.TemporaryDirectory(prefix="crossmodal-") as name:
        folder = Path(name) / "bench"
        make_index(folder, space, chosen.items)
        with serving([folder]) as server:
            index = Index.open(folder)
            for row in measure(server, index, space, chosen.requests):
                print(_told(row))
                if row["clients"] == 1:
                    met = float(row["own share p50"]) <= GOAL_MILLISECONDS
                    print(f"    goal, own share at most {GOAL_MILLISECONDS:g} ms: {'met' if met else 'missed'}")
            print(f"CPU of the server per request, ms: {_told(processor_row(server, index, space, chosen.requests))}")
            _soak(server, chosen.soak)
            _reload(server, folder, space, chosen.items)


def _told(row: Row) -> str:
    return "  ".join(
        f"{key} {value:.2f}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
    )


def _soak(server: Server, count: int) -> None:
    served(server, texts(max(1, count // 10), seed=2), 8)
    before = memory(server)
    _, failed = served(server, texts(count, seed=3), 8)
    print(f"memory: {before:.0f} MB before and {memory(server):.0f} MB after {count} requests, {len(failed)} failed")


def _reload(server: Server, folder: Path, space: Space, items: int) -> None:
    """Clients ask while another state is committed and taken up."""
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(make_index, folder, space, items + 10)
        total, failed, seen = 0, 0, items
        end = time.monotonic() + 300
        while seen == items and time.monotonic() < end:
            taken, bad = served(server, texts(64, seed=total), 8)
            total, failed = total + len(taken), failed + len(bad)
            if writing.done():
                known = server.get("api/indexes/bench")
                assert isinstance(known, dict)
                seen = int(known["items"])
        writing.result()
    print(f"reload: {total} requests while {items} items became {seen}, {failed} failed")


if __name__ == "__main__":
    if (
        "OMP_NUM_THREADS" not in os.environ
    ):  # read when libraries load: begin again, with as many threads as the server takes
        leave_a_core()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
