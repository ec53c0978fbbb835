"""Identification: vectors of which the answer is known, and what recordings and pages make of themselves as queries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.applications import queries
from crossmodal.applications.collection import SearchableIndex
from crossmodal.applications.identification import align, identify, measure, rank, vote
from crossmodal.applications.identification_calibration import calibrate_identification, examples
from crossmodal.applications.indexing import reference_of
from crossmodal.applications.queries import Query, loudness, read_query
from crossmodal.base.errors import InputError
from crossmodal.calibration import fit_calibration
from crossmodal.retrieval.index import Index
from crossmodal.retrieval.items import IndexedItem
from crossmodal.retrieval.writer import IndexWriter
from crossmodal.space import Space
from crossmodal.space_files import load_space
from tests.crossmodal.alignment.sequences import noisy, smooth

from .shelf import RATE, tones, write_tones

LENGTHS = (2500, 300, 350, 400, 320, 380)


@pytest.fixture(scope="module")
def space(sheet_space_folder: Path) -> Space:
    return load_space(sheet_space_folder)


def music(seed: int, length: int) -> np.ndarray:
    """Vectors of a piece of its own, neighbours alike."""
    return smooth(length, seed=seed, width=6, dimension=8)


@pytest.fixture(scope="module")
def opened(space: Space, tmp_path_factory: pytest.TempPathFactory) -> SearchableIndex:
    """Six scores of 10 systems, one of them long, one there twice, and a recording."""
    folder = tmp_path_factory.mktemp("scores")
    with IndexWriter(folder, space=reference_of(space), modality="audio+sheet") as writer:
        for number, length in enumerate(LENGTHS):
            systems = 1 + np.arange(length) * 10 // length
            places = np.column_stack([1 + (systems - 1) // 5, 1 + (systems - 1) % 5])
            vectors = music(number, length)
            for name in (f"{number}.mei", "copy.mei")[: 2 if number == 3 else 1]:
                item = IndexedItem(
                    name, f"/scores/{name}", f"content {number}", 1, 1, "sheet", fields={"long": number == 0}
                )
                writer.add(item, vectors, 8.0 * np.arange(length), hop=8.0, places=places)
        recording = IndexedItem("r.wav", "/r.wav", "r", 1, 1, "audio", duration=30.0)
        writer.add(recording, music(1, 300), 0.1 * np.arange(300), hop=0.1)
        writer.commit()
    return SearchableIndex(Index.open(folder), space)


def played(columns: np.ndarray, seed: int, *, noise: float = 0.5, modality: str = "audio") -> Query:
    """A query that goes through these places of a piece."""
    vectors = noisy(music(seed, LENGTHS[seed] if seed < len(LENGTHS) else 500)[columns], noise, seed=99)
    count = len(columns)
    return Query(modality, vectors, np.linspace(0, 0.1 * (count - 1), count), np.ones(count, np.float32), (0, count))


def of_kind(opened: SearchableIndex, modality: str) -> np.ndarray:
    return np.array([found == modality for found in opened.index.items.column("modality")])


@pytest.mark.parametrize("number", range(len(LENGTHS)))
def test_the_piece_wins_whatever_the_lengths(opened: SearchableIndex, number: int) -> None:
    columns = np.arange(60, 270)[np.minimum(np.arange(150) * 7 // 5, 209)]  # 1.4 columns a row
    query = played(columns, number)
    scores = of_kind(opened, "sheet")
    best = rank(opened, query, scores)
    assert opened.index.items[best[0].row].id == f"{number}.mei" and best[0].similarity > best[1].similarity + 0.1
    assert [c.similarity for c in best] == sorted((c.similarity for c in best), reverse=True)
    listed = [opened.index.items[c.row].id for c in best]
    assert "copy.mei" not in listed and len(set(listed)) == len(LENGTHS)
    first = best[0].first - int(opened.index.starts[best[0].row])
    assert abs(first - 60) <= 8
    features = measure(opened, query, best, 3)
    assert features.shape == (3, 2) and (features[0] > 0.1).all()
    assert features[0, 1] == pytest.approx(best[0].similarity - best[1].similarity)
    assert features[1, 1] == pytest.approx(-features[0, 1])
    np.testing.assert_array_equal(vote(opened, query, scores).count[~scores], 0)


def test_cuts_and_repeats_of_the_query_do_no_harm(opened: SearchableIndex) -> None:
    once = np.arange(50, 340)
    query = played(np.concatenate([once, once, once[150:]]), 3)
    assert len(query.stretches(6)) == 2
    best = rank(opened, query, of_kind(opened, "sheet"))
    assert opened.index.items[best[0].row].id == "3.mei" and best[0].similarity > best[1].similarity + 0.1


def test_an_unknown_piece_stands_out_by_nothing(opened: SearchableIndex) -> None:
    scores = of_kind(opened, "sheet")
    known, unknown = (played(np.arange(40, 240), seed) for seed in (2, 77))
    right = measure(opened, known, rank(opened, known, scores), 1)[0]
    wrong = measure(opened, unknown, rank(opened, unknown, scores), 1)[0]
    assert (right > 3 * np.abs(wrong)).all()


def test_silent_rows_count_nothing(opened: SearchableIndex) -> None:
    whole = played(np.arange(30, 230), 4)
    noise = music(500, 100)
    vectors = np.concatenate([noise, whole.vectors])
    weights = np.concatenate([np.zeros(100), np.ones(200)]).astype(np.float32)
    query = Query("audio", vectors, np.linspace(0, 29.9, 300), weights, (0, 300))
    assert query.excerpts(5, 400).min() >= 100
    targets = music(4, LENGTHS[4])
    similarity, first = align(query, targets)
    alone, begin = align(whole, targets)
    assert similarity == pytest.approx(alone, abs=0.02) and abs(first - begin) <= 3


def test_a_page_finds_its_recording(opened: SearchableIndex) -> None:
    query = played(np.arange(20, 140), 1, modality="sheet")
    best = rank(opened, query, of_kind(opened, "audio"))
    assert [opened.index.items[c.row].id for c in best] == ["r.wav"]
    features = measure(opened, query, best, 5)
    assert features.shape == (1, 2) and features[0, 0] == features[0, 1] > 0.1  # a lone one's margin is its lift


def test_excerpts_and_stretches_of_a_query() -> None:
    weights = np.ones(1000, np.float32)
    weights[:310] = 0
    query = Query("audio", np.zeros((1000, 4), np.float32), np.arange(1000.0), weights, (0, 310, 1000))
    rows = query.excerpts(5, 400)
    assert rows.min() == 310 and (np.diff(rows) == 5).all() and len(rows) == 138
    thinned = query.excerpts(5, 20)
    assert len(thinned) == 20 and set(thinned) <= set(rows) and {rows[0], rows[-1]} <= set(thinned)
    assert query.stretches(6) == [slice(310, 655), slice(655, 1000)] and len(query.stretches(1)) == 1


def test_loudness_is_the_root_mean_square_around() -> None:
    generator = np.random.default_rng(0)
    samples = generator.normal(size=2000).astype(np.float32)
    seconds = np.array([0.0, 0.3, 1.0, 1.99])
    expected = []
    for second in seconds:
        low, high = max(0, int((second - 0.25) * 1000)), min(2000, int((second + 0.25) * 1000))
        expected.append(float(np.sqrt(np.mean(samples[low:high].astype(np.float64) ** 2))))
    np.testing.assert_allclose(loudness(samples, seconds, 1000, around=0.5), expected, rtol=1e-4)


def test_pauses_of_a_recording_weigh_nothing(space: Space, tmp_path: Path) -> None:
    pause = np.zeros(3 * RATE, np.float32)
    soundfile.write(tmp_path / "a.wav", np.concatenate([pause, tones(5), pause, tones(4, level=0.001)]), RATE)
    query = read_query(space, tmp_path / "a.wav", "audio")
    inside = (query.positions > 3) & (query.positions < 8)
    assert query.weights[inside].mean() > 0.95 and query.weights[~inside].mean() < 0.1
    assert query.positions.max() < 15 and query.starts == (0, len(query.vectors))


def test_of_a_long_recording_an_even_choice_is_used(
    space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "LONGEST_SECONDS", 12.0)
    monkeypatch.setattr(queries, "STRETCH_SECONDS", 4.0)
    path = write_tones(tmp_path / "long.wav", 40.0)
    query = read_query(space, path, "audio")
    begins = [float(query.positions[start]) for start in query.starts[:-1]]
    assert [round(begin / 4) for begin in begins] == [0, 4, 9] and len(query.vectors) <= 125
    exact = read_query(space, write_tones(tmp_path / "short.wav", 11.0), "audio")
    assert exact.starts == (0, len(exact.vectors))


@pytest.mark.parametrize(
    ("samples", "said"),
    [
        (tones(1.0), "too short: expected at least 2 s"),
        (np.zeros(5 * RATE, np.float32), "silent"),
        (tones(5.0, level=1e-4), "silent"),
        (np.concatenate([np.zeros(9 * RATE, np.float32), tones(0.5)]), "too short"),
    ],
)
def test_too_little_sound_is_told(space: Space, tmp_path: Path, samples: np.ndarray, said: str) -> None:
    soundfile.write(tmp_path / "a.wav", samples, RATE)
    with pytest.raises(InputError, match=said):
        read_query(space, tmp_path / "a.wav", "audio")


def test_filters_and_k(opened: SearchableIndex, tmp_path: Path) -> None:
    path = write_tones(tmp_path / "a.wav", 4.0)
    answer = identify(opened, path, k=3)
    assert [r.rank for r in answer.results] == [1, 2, 3] and all(0 <= (r.confidence or 0) <= 1 for r in answer.results)
    assert {"votes", "page", "system"} <= set(answer.results[0].detail)
    everything = {r.id: r.detail for r in identify(opened, path, k=10).results}
    assert len(everything) == 6 and everything["3.mei"]["copies"] == ["/scores/copy.mei"]
    long = identify(opened, path, filters=["long=true"])
    assert [r.id for r in long.results] == ["0.mei"]
    nobody = identify(opened, path, filters=["long=maybe"])
    assert nobody.abstained and not nobody.results
    with pytest.raises(InputError, match="no column 'lnog'"):
        identify(opened, path, filters=["lnog=true"])
    with pytest.raises(InputError, match="at least 1"):
        identify(opened, path, k=0)


def test_calibration_learns_from_questions_with_and_without_their_answer(opened: SearchableIndex) -> None:
    features, labels = [], []
    for number in range(len(LENGTHS)):
        for begin in (20, 90):
            measured, true = examples(opened, played(np.arange(begin, begin + 150), number, noise=1.2), f"{number}.mei")
            assert measured.shape == (6, 2) and true == [True, False, False, False, False, False]
            features.append(measured)
            labels += true
    fitted = fit_calibration(np.concatenate(features), labels, features=("lift", "margin"))
    scores = of_kind(opened, "sheet")
    for seed, known in ((1, True), (4, True), (88, False), (89, False)):
        query = played(np.arange(50, 250), seed, noise=1.2)
        confidence = fitted.confidence(measure(opened, query, rank(opened, query, scores), 1))[0]
        assert (confidence > 0.5) == known
    with pytest.raises(InputError, match=r'got "9\.mei"'):
        examples(opened, played(np.arange(50), 1), "9.mei")


def test_calibrating_on_files(opened: SearchableIndex, tmp_path: Path) -> None:
    paths = [write_tones(tmp_path / f"{number}.wav", 4.0, seed=number) for number in range(2)]
    asked = [(path, str(identify(opened, path).results[0].id)) for path in paths]
    fitted = calibrate_identification(opened, asked, data="tones", threshold=0.6)
    assert (fitted.examples, fitted.data, fitted.threshold) == (12, "tones", 0.6)
    assert fitted.features == ("lift", "margin")
    with pytest.raises(InputError, match="only one kind"):
        calibrate_identification(opened, [], data="nothing")
