"""`crossmodal demo`: from real scores to a searchable, tagged collection and a report, on one small machine.

Every step leaves its result in the output folder and is not done again: collection, three trainings (two shared spaces and a supervised
yardstick), evaluation, index, a shelf of scores with recordings of them, MIDI files with recordings of them, drawn covers, recordings
that are alike, invented singers, report.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.indexing import build_index
from crossmodal.base.files import make_folder
from crossmodal.base.places import data_folder
from crossmodal.demo_parts import Clock, find_covers, find_midi, find_scores, find_similar, find_voices
from crossmodal.demo_report import DemoResults, write_demo_report
from crossmodal.demo_words import write_word_vectors
from crossmodal.evaluation import Judged, encode_items, score_captions, score_tags
from crossmodal.real_data import InstrumentScores, instrument_scores
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.training import train
from pairs.collection import build_collection
from pairs.vocabulary import unseen_tags

SPACES = ("text-music", "zero-shot-tagging", "supervised-tagging")
QUERIES = (
    "slow solemn choir",
    "lively fiddle tune",
    "solo flute, fast and cheerful",
    "string quartet in a concert hall",
)


@dataclass(frozen=True)
class Size:
    """How much is made and trained.

    steps: of (pretraining, alignment) for each space of SPACES; studies: of each instrument; captions: used of each recording;
    scores: on the shelf; midi: works whose MIDI files are matched; covers: recordings that get one; singers: invented ones.
    """

    works: int
    renderings: int
    steps: tuple[tuple[int, int], ...]
    studies: int
    captions: int
    scores: int
    midi: int
    covers: int
    singers: int
    batch: int | None = None


SIZES = {
    "full": Size(
        works=650,
        renderings=3,
        steps=((60, 390), (60, 450), (0, 240)),
        studies=12,
        captions=3,
        scores=24,
        midi=32,
        covers=400,
        singers=16,
    ),
    "small": Size(
        works=72,
        renderings=2,
        steps=((12, 30), (12, 30), (0, 25)),
        studies=1,
        captions=2,
        scores=6,
        midi=6,
        covers=40,
        singers=4,
        batch=32,
    ),
}


def run_demo(output: Path, *, audio: Path | None, size: str, jobs: int, seed: int, quiet: bool) -> str:
    """Runs what is not there yet; returns what to try next. `audio`: a folder of the user's own recordings, indexed beside."""
    chosen, clock = SIZES[size], Clock()
    output = make_folder(output)
    with clock.step("collection", quiet=quiet):
        catalogue = build_collection(
            output / "collection",
            works=chosen.works,
            renderings=chosen.renderings,
            studies=chosen.studies,
            seed=seed,
            jobs=jobs,
            quiet=quiet,
        )
    spaces: dict[str, Space] = {}
    for name, steps in zip(SPACES, chosen.steps, strict=True):
        with clock.step(f"training {name}", quiet=quiet):
            spaces[name] = train_one(
                name, catalogue, output, steps=steps, size=chosen, seed=seed, jobs=jobs, quiet=quiet
            )
    main = spaces["text-music"]
    with clock.step("evaluation", quiet=quiet):
        judged = {name: encode_items(space, catalogue, quiet=quiet) for name, space in spaces.items()}
        real = _real(spaces, jobs=jobs, quiet=quiet)
        results = DemoResults(
            spaces=spaces,
            judged=judged,
            tags={n: score_tags(s, judged[n], seed=seed, unseen=unseen_tags()) for n, s in spaces.items()},
            captions={"text-music": score_captions(main, judged["text-music"], seed=seed, limit=600)},
            real=real,
            catalogue=catalogue,
            training={name: output / "spaces" / name / "training" for name in SPACES},
            size=size,
            seed=seed,
        )
    with clock.step("index and search", quiet=quiet):
        index = _index(main, judged["text-music"], catalogue, output / "index", jobs=jobs, quiet=quiet)
        results.searches = {query: index.search(query, k=5) for query in QUERIES}
        if audio is not None:
            build_index(
                main, [audio], output / "own-index", modality="audio", update=True, resume=True, jobs=jobs, quiet=quiet
            )
    results.scores = find_scores(output, count=chosen.scores, clock=clock, seed=seed, jobs=jobs, quiet=quiet)
    results.midi = find_midi(output, count=chosen.midi, clock=clock, seed=seed, jobs=jobs, quiet=quiet)
    held_out = judged["text-music"].items
    results.covers = find_covers(held_out, output, count=chosen.covers, clock=clock, seed=seed, jobs=jobs, quiet=quiet)
    results.similarity = find_similar(held_out, output, clock=clock, seed=seed, jobs=jobs, quiet=quiet)
    results.voices = find_voices(output, count=chosen.singers, clock=clock, seed=seed, jobs=jobs, quiet=quiet)
    with clock.step("report", quiet=quiet):
        report = write_demo_report(output / "report.html", results, clock.seconds, clock.peak_gigabytes)
    return _closing(output, report, results, clock, own=audio is not None)


def train_one(
    name: str, catalogue: Path, output: Path, *, steps: tuple[int, int], size: Size, seed: int, jobs: int, quiet: bool
) -> Space:
    """One of the demo's spaces; the words of the one with word vectors come from the sentence encoder."""
    overrides = [f"seed={seed}"]
    if name != "supervised-tagging":
        overrides.append("stages.alignment.pairs.arguments.unseen=[demo]")
    if name == "zero-shot-tagging":
        words = write_word_vectors(output / "words.bin")
        overrides.append(f"towers.text.encoder.arguments.source={words.resolve()}")
    if name == "text-music":
        overrides += [
            f"stages.alignment.pairs.arguments.{key}={value}"
            for key, value in (("captions", size.captions), ("lists", 1))
        ]
    recipe = load_recipe(name)
    for stage, count in zip(recipe.stages, [s for s in steps if s], strict=True):
        overrides.append(f"stages.{stage}.training.steps={count}")
        if size.batch:
            overrides.append(f"stages.{stage}.training.batch_size={size.batch}")
    space, _ = train(
        load_recipe(name, overrides=overrides),
        catalogue,
        output / "spaces" / name,
        prepared=output / "prepared",
        jobs=jobs,
        resume=True,
        quiet=quiet,
    )
    return space


def _index(space: Space, judged: Judged, catalogue: Path, folder: Path, *, jobs: int, quiet: bool) -> SearchableIndex:
    """Recordings of the works that no training saw, so that what is found was never learned by heart."""
    from pairs.catalogue import write_catalogue

    held_out = catalogue.with_name("held-out.jsonl")
    write_catalogue(held_out, judged.items)
    build_index(space, [held_out], folder, modality="audio", update=True, resume=True, jobs=jobs, quiet=quiet)
    return SearchableIndex.open(folder, space=space)


def _real(spaces: dict[str, Space], *, jobs: int, quiet: bool) -> dict[str, InstrumentScores]:
    data = data_folder()
    if data is None or not (data / "philharmonia" / "index.csv").is_file():
        return {}
    return {"text-music": instrument_scores(spaces["text-music"], data, jobs=jobs, quiet=quiet)}


def _closing(output: Path, report: Path, results: DemoResults, clock: Clock, *, own: bool) -> str:
    lines = ["", *results.summary(), ""]
    lines.append(f"{sum(clock.seconds.values()):.0f} s, {clock.peak_gigabytes:.1f} GB of memory at the most")
    lines += ["", f"report: {report}"]
    if results.scores is not None:
        lines.append(f"a score and its recording: {results.scores.aligned.page}")
    lines += ["", "what to try next:"]
    lines.append(f'  crossmodal search {output / "index"} "slow solemn choir"')
    if own:
        lines.append(f'  crossmodal search {output / "own-index"} "piano, calm"')
    else:
        lines.append(f"  crossmodal index {output / 'spaces' / 'text-music'} YOUR_FOLDER --output my-index")
        lines.append('  crossmodal search my-index "calm piano music"')
    if results.covers is not None:
        lines.append(f"  crossmodal search {results.covers.index} --image YOUR_COVER.jpg")
    if results.scores is not None:
        found = results.scores
        lines.append(f"  crossmodal identify {found.index} {found.shelf.performed[0].recording}")
    if results.midi is not None:
        lines.append(f"  crossmodal match {results.midi.index} YOUR_FILE.mid --aligned DIR")
    if results.similarity is not None:
        found_alike = results.similarity
        lines.append(
            f"  crossmodal similar {found_alike.index} {found_alike.example.asked.id} --weight mood=1 --weight tempo=0.5"
        )
    if results.voices is not None:
        lines.append(f"  crossmodal search {results.voices.index} --audio YOUR_VOICE.wav")
    lines.append(f"  crossmodal tag YOUR_FILE.mp3 --space {output / 'spaces' / 'text-music'}")
    lines.append(f"  crossmodal serve {output}      # all of it in a browser")
    return "\n".join(lines)
