"""The demo's report: tables with chance beside each number, curves, a map, found tracks with players, neighbours of words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from crossmodal.base.results import Ranking, ScoreRow
from crossmodal.demo_covers import CoverResults, covers_section
from crossmodal.demo_midi import MidiResults
from crossmodal.demo_midi_report import midi_section
from crossmodal.demo_scores_report import ScoreResults, scores_section
from crossmodal.demo_similarity import SimilarityResults, similarity_section
from crossmodal.demo_voices import VoiceResults, voices_section
from crossmodal.evaluation import Judged, encode_known
from crossmodal.projection import project
from crossmodal.real_data import InstrumentScores
from crossmodal.report import (
    AudioEntry,
    AudioList,
    Bar,
    BarChart,
    Command,
    LineChart,
    Paragraph,
    Point,
    ScatterMap,
    Section,
    Series,
    Table,
    embed_audio,
    write_report,
)
from crossmodal.space import Space
from crossmodal.stages.fit import read_losses
from pairs.vocabulary import unseen_tags

MAP_POINTS = 1200
NEIGHBOURS_OF = ("violin", "solemn", "flute", "lively", "church", "slow")


@dataclass
class DemoResults:
    """What the demo measured; names of spaces are the keys."""

    spaces: dict[str, Space]
    judged: dict[str, Judged]
    tags: dict[str, list[ScoreRow]]
    captions: dict[str, list[ScoreRow]]
    real: dict[str, InstrumentScores]
    catalogue: Path
    training: dict[str, Path]
    size: str
    seed: int
    searches: dict[str, Ranking] = field(default_factory=dict)
    scores: ScoreResults | None = None
    midi: MidiResults | None = None
    covers: CoverResults | None = None
    similarity: SimilarityResults | None = None
    voices: VoiceResults | None = None

    def summary(self) -> list[str]:
        """The figures that the terminal shows."""
        lines = []
        for name, rows in self.tags.items():
            for row in rows:
                if row.metric.startswith("ROC-AUC"):
                    lines.append(
                        f"{name}: {row.metric} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}], chance {row.chance:.2f}"
                    )
        for name, rows in self.captions.items():
            for row in rows:
                if row.metric.startswith("R@10") and row.chance:
                    lines.append(
                        f"{name}: {row.metric} {row.value:.3f} [{row.low:.3f}, {row.high:.3f}], chance {row.chance:.4f}, "
                        f"{row.value / row.chance:.1f} times"
                    )
        for name, scores in self.real.items():
            lines += [f"{name}, real instruments: {r.metric} {r.value:.3f}, chance {r.chance:.3f}" for r in scores.rows]
        parts = [
            part for part in (self.scores, self.midi, self.similarity, self.covers, self.voices) if part is not None
        ]
        return lines + [line for part in parts for line in part.summary()]


def write_demo_report(path: Path, results: DemoResults, seconds: dict[str, float], gigabytes: float) -> Path:
    """Writes the page; returns its path."""
    sections = [
        _about(results, seconds, gigabytes),
        _tagging(results),
        _captions(results),
        *_real(results),
        _searches(results),
        scores_section(results.scores),
        midi_section(results.midi),
        similarity_section(results.similarity),
        covers_section(results.covers),
        voices_section(results.voices),
        _map(results),
        _words(results),
        _curves(results),
    ]
    write_report(
        path, sections, title="crossmodal demo", subtitle="Recordings, words, scores and MIDI files in shared spaces"
    )
    return path


def _about(results: DemoResults, seconds: dict[str, float], gigabytes: float) -> Section:
    judged = results.judged["text-music"]
    trained = results.spaces["text-music"]
    text = (
        "Real scores were played in several orchestrations, tempi and rooms. "
        f"The spaces learned from {len(trained.works)} works; everything "
        f"below was measured on {len(judged.items)} recordings of {len(set(judged.works))} works that no training saw. "
        f"{len(unseen_tags())} tags appear in no training text: they are the unseen ones. Notes come from a synthesizer, so these figures "
        "speak of this collection, and of real recordings only where that is said."
    )
    times = Table(
        ["step", "seconds"],
        [[name, value] for name, value in seconds.items()],
        "Where the time went (0: taken from an earlier run)",
        digits=0,
    )
    return Section(
        "What this is",
        [
            Paragraph(text),
            times,
            Paragraph(f"Largest memory: {gigabytes:.1f} GB; size {results.size}, seed {results.seed}.", note=True),
        ],
    )


def _score_rows(results: dict[str, list[ScoreRow]]) -> list[list[str | float | int | None]]:
    return [
        [name, row.metric, row.value, row.low, row.high, row.chance, row.n]
        for name, rows in results.items()
        for row in rows
    ]


COLUMNS = ("space", "metric", "value", "low", "high", "chance", "n")


def _tagging(results: DemoResults) -> Section:
    unseen = {name: [r for r in rows if "unseen" in r.metric] for name, rows in results.tags.items()}
    bars = [
        Bar(name, row.value, row.low, row.high, row.chance)
        for name, rows in unseen.items()
        for row in rows
        if row.metric == "ROC-AUC unseen tags"
    ]
    about = (
        "A tag is scored by the similarity of its word to the recording. "
        "The supervised tagger is no zero-shot space: it was shown the unseen tags "
        "as classes and is the yardstick for what a network of this size can hear."
    )
    words = Paragraph("Unseen tags: " + ", ".join(sorted(unseen_tags())) + ".", note=True)
    table = Table(COLUMNS, _score_rows(results.tags), "Tags on works never trained on; 95% intervals over works")
    return Section(
        "Zero-shot tagging", [Paragraph(about), BarChart("ROC-AUC of unseen tags", bars, maximum=1.0), table, words]
    )


def _captions(results: DemoResults) -> Section:
    about = "A caption asks for recordings. Every recording that all facts of the caption fit is a right answer; chance is exact for that."
    table = Table(COLUMNS, _score_rows(results.captions), "Captions to recordings; 95% intervals over works")
    return Section("Search with sentences", [Paragraph(about), table])


def _real(results: DemoResults) -> list[Section]:
    sections = []
    for name, scores in results.real.items():
        words = sorted(scores.per_word.items(), key=lambda kv: -kv[1][0])
        about = f"Single notes and phrases of real instruments, judged with {name}, which never heard a real recording."
        per_word = Table(
            ["instrument word", "average precision", "chance", "recordings"],
            [[word, precision, level, count] for word, (precision, level, count) in words],
            "Each word ranks all recordings",
        )
        sections.append(
            Section(
                "Real instruments",
                [Paragraph(about), Table(COLUMNS, _score_rows({name: scores.rows}), "Scores"), per_word],
            )
        )
    return sections


def _searches(results: DemoResults) -> Section:
    items = {item.id: item for item in results.judged["text-music"].items}
    lists = []
    for query, answer in results.searches.items():
        entries = []
        for result in answer.results[:3]:
            item = items[str(result.id)]
            title = str(item.fields.get("title") or item.id)
            clip = embed_audio(item.files["audio"], seconds=8.0)
            entries.append(AudioEntry(title, ", ".join(sorted(item.tags)), result.similarity, clip))
        lists.append(AudioList(query, entries))
    return Section(
        "Found with words",
        [Paragraph("The nearest recordings of held-out works; press play to judge for yourself."), *lists],
    )


def _map(results: DemoResults) -> Section:
    judged = results.judged["text-music"]
    chosen = np.random.default_rng(results.seed).permutation(len(judged.items))[:MAP_POINTS]
    flat = project(judged.vectors[chosen], seed=results.seed)
    points = []
    for (x, y), i in zip(flat, chosen, strict=True):
        item = judged.items[i]
        name, collection = str(item.fields.get("title") or item.id), str(item.fields.get("collection") or "")
        points.append(Point(float(x), float(y), name, collection, ", ".join(sorted(item.tags))))
    text = "Each point is a held-out recording, placed by t-SNE so that similar ones lie together."
    return Section("Map of the space", [ScatterMap("Held-out recordings by collection", points, text)])


def neighbours(vectors: np.ndarray, words: Sequence[str], word: str, *, k: int = 6) -> list[str]:
    """The k nearest other words of a word; vectors (n, d) unit length."""
    row = vectors @ vectors[list(words).index(word)]
    return [words[i] for i in np.argsort(-row, kind="stable") if words[i] != word][:k]


def _words(results: DemoResults) -> Section:
    """Choi et al. 2019, section 5.4: the neighbours of a word change when the space has heard music."""
    from crossmodal.demo_words import demo_words

    space = results.spaces["zero-shot-tagging"]
    encoder = space.encoder("text")
    vocabulary = demo_words()
    known, after = encode_known(space, "text", vocabulary)
    words = [vocabulary[i] for i in known]
    raw = encoder(encoder.collate([encoder.prepare(w) for w in words])).detach().numpy()
    before = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    rows = [
        [word, ", ".join(neighbours(before, words, word)), ", ".join(neighbours(after, words, word))]
        for word in NEIGHBOURS_OF
        if word in words
    ]
    about = "Before: the word vectors alone. After: the same words in the space that was trained with music."
    return Section(
        "Nearest words", [Paragraph(about), Table(["word", "before", "after"], rows, "Six nearest words by cosine")]
    )


def _curves(results: DemoResults) -> Section:
    charts = []
    for name, folder in results.training.items():
        for stage in sorted(p for p in folder.iterdir() if (p / "log").is_dir()):
            curves = read_losses(stage)
            series = [
                Series(kind, [s for s, _ in curves[key]], [v for _, v in curves[key]])
                for kind, key in (("training", "train_loss"), ("validation", "validation_loss"))
                if key in curves
            ]
            charts.append(LineChart(f"{name}: {stage.name.partition('-')[2]}", series, "step", "loss"))
    command = Command(
        f"crossmodal train text-music --catalogue {results.catalogue}", "Train the same space with your own settings"
    )
    return Section("Loss curves", [*charts, command])
