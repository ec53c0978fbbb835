"""`crossmodal similar`: tracks, prototypes and facets of an index, with weights, and what it says of mistakes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from crossmodal.applications.collection import SearchableIndex
from tests.crossmodal.applications.tunes import TuneShelf

from .running import crossmodal, mistake


@pytest.fixture
def index(faceted_index: Path) -> Path:
    """Ten recordings in a space with facets."""
    return faceted_index


def ids(document: dict[str, list[dict[str, str]]]) -> list[str]:
    return [row["id"] for row in document["results"]]


def test_a_track_finds_others_with_the_cosine_of_each_facet(index: Path) -> None:
    done = crossmodal("similar", index, "track-02", "-k", 4, "--json", "--quiet")
    answer = done.document
    assert done.code == 0 and len(ids(answer)) == 4 and "track-02" not in ids(answer)
    opened = SearchableIndex.open(index, device="cpu")
    rows = [opened.index.items[row].id for row in range(10)]
    vectors = np.stack([opened.index.vectors_of(row)[0] for row in range(10)])
    query = vectors[rows.index("track-02")]
    order = [rows[row] for row in np.argsort(-(vectors @ query)) if rows[row] != "track-02"]
    assert ids(answer) == order[:4]
    for row in answer["results"]:
        facets = row["detail"]["facets"]
        assert set(facets) == {"genre", "mood"} and row["similarity"] == pytest.approx(
            sum(facets.values()) / 2, abs=1e-5
        )


def test_weights_change_the_ranking_and_not_the_index(index: Path) -> None:
    before = {path: path.read_bytes() for path in index.iterdir() if path.is_file()}
    weighted = crossmodal(
        "similar", index, "track-02", "--weight", "genre=1", "--weight", "mood=0.5", "--json"
    ).document
    for row in weighted["results"]:
        facets = row["detail"]["facets"]
        assert row["similarity"] == pytest.approx((facets["genre"] + 0.5 * facets["mood"]) / 1.5, abs=1e-5)
    regularized = crossmodal(
        "similar", index, "track-02", "--weight", "mood=1", "--track-weight", "0.3", "--json"
    ).document
    for row in regularized["results"]:
        facets = row["detail"]["facets"]
        overall = (facets["genre"] + facets["mood"]) / 2
        assert row["similarity"] == pytest.approx((facets["mood"] + 0.3 * overall) / 1.3, abs=1e-5)
    assert before == {path: path.read_bytes() for path in index.iterdir() if path.is_file()}


def test_the_genre_of_one_and_the_mood_of_another(index: Path) -> None:
    done = crossmodal("similar", index, "--facet", "genre=track-00", "--facet", "mood=track-03", "--json").document
    assert not {"track-00", "track-03"} & set(ids(done)) and len(ids(done)) == 8
    opened = SearchableIndex.open(index, device="cpu")
    rows = {item.id: opened.index.vectors_of(row)[0] for row, item in enumerate(opened.index.items)}
    for row in done["results"]:
        vector = rows[row["id"]]
        genre, mood = (
            2 * float(rows[t][s] @ vector[s]) for t, s in (("track-00", slice(0, 8)), ("track-03", slice(8, 16)))
        )
        assert row["detail"]["facets"] == pytest.approx({"genre": genre, "mood": mood}, abs=1e-5)
        assert row["similarity"] == pytest.approx((genre + mood) / 2, abs=1e-5)
    alone = crossmodal("similar", index, "--facet", "mood=track-03", "--json").document
    assert all(list(row["detail"]["facets"]) == ["mood"] for row in alone["results"])


def test_prototypes_of_artists_albums_and_tags(index: Path) -> None:
    artists = crossmodal(
        "similar", index, "--like", "artist:artist 0", "--like", "artist:artist 1", "--json", "--quiet"
    ).document
    assert set(ids(artists)) == {"track-02", "track-03", "track-06", "track-07", "track-09"}  # nobody of the two
    assert artists["query"] == {"modality": "prototype", "text": "artist:artist 0, artist:artist 1"}
    tag = crossmodal("similar", index, "--like", "tag:LOW", "--json").document
    assert len(ids(tag)) == 10  # those that are called so are answers too
    lone = crossmodal("similar", index, "--like", "artist:lone")
    assert lone.code == 0 and "is one track in this index" in lone.err
    assert "genre" in lone.out.splitlines()[1] and "mood" in lone.out.splitlines()[1]


def test_a_track_that_is_not_in_the_index_is_encoded(index: Path, sounds: Path) -> None:
    outside = crossmodal("similar", index, sounds / "track 11.wav", "-k", 20, "--json").document
    assert len(ids(outside)) == 10
    inside = crossmodal("similar", index, sounds / "track 02.wav", "--json").document
    assert ids(inside) == ids(crossmodal("similar", index, "track 02.wav", "--json").document)
    both = crossmodal("similar", index, "track-02", "track-04", "--json").document
    assert len(ids(both)) == 8


def test_a_copy_of_a_track_or_a_link_to_it_is_not_its_own_answer(index: Path, sounds: Path, tmp_path: Path) -> None:
    source = sounds / "track 02.wav"
    shutil.copy(source, tmp_path / "copy.wav")
    (tmp_path / "link.wav").symlink_to(source)
    (tmp_path / "track 04.wav").symlink_to(source)  # the name of another track
    (tmp_path / "there").symlink_to(sounds, target_is_directory=True)
    expected = crossmodal("similar", index, "track-02", "--json").document["results"]
    for name in ("copy.wav", "link.wav", "track 04.wav", "there/track 02.wav"):
        assert crossmodal("similar", index, tmp_path / name, "--json").document["results"] == expected, name
    faceted = crossmodal("similar", index, "--facet", f"mood={tmp_path / 'copy.wav'}", "--json").document
    assert "track-02" not in ids(faceted)


def test_an_overall_weight_goes_with_all_facets(index: Path) -> None:
    both = ("--facet", "genre=track-00", "--facet", "mood=track-03")
    weighted = crossmodal("similar", index, *both, "--weight", "mood=1", "--track-weight", "0.5", "--json").document
    for row in weighted["results"]:
        facets = row["detail"]["facets"]
        overall = (facets["genre"] + facets["mood"]) / 2
        assert row["similarity"] == pytest.approx((facets["mood"] + 0.5 * overall) / 1.5, abs=1e-5)
    alone = crossmodal("similar", index, "--facet", "genre=track-00", "--weight", "genre=0.5", "--json").document
    assert all(
        row["similarity"] == pytest.approx(row["detail"]["facets"]["genre"], abs=1e-5) for row in alone["results"]
    )


def test_an_index_of_hash_sequences_is_refused(tune_shelf: TuneShelf) -> None:
    query = tune_shelf.recorded[0].path
    for asked in ([query], ["0.wav"], [tune_shelf.folder / "queries/0.mid"], ["--like", "modality:audio"]):
        told = mistake("similar", tune_shelf.index, *asked)
        assert "of hash sequences (midi-audio)" in told and f"'crossmodal match {tune_shelf.index} FILE'" in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "one kind of query"),
        (["track-02", "--like", "artist:lone"], "one kind of query"),
        (
            ["track-02", "--weight", "gender=1"],
            'a facet of the space (genre, mood), got "gender". Did you mean "genre"',
        ),
        (["track-02", "--weight", "genre"], "FACET=NUMBER"),
        (["track-02", "--weight", "genre=-1"], "one above 0 at least, got genre=-1"),
        (["track-02", "--weight", "genre=0"], "one above 0"),
        (["track-02", "--weight", "genre=1", "--weight", "genre=2"], "each facet once"),
        (["--facet", "tempo=track-02"], 'a facet of the space (genre, mood), got "tempo"'),
        (
            ["--facet", "genre=track-02", "--weight", "mood=1"],
            "--weight: expected a facet given by --facet (genre), got mood; add --facet mood=TRACK",
        ),
        (
            ["--facet", "genre=track-02", "--track-weight", "0.5"],
            "--track-weight: expected --facet for every facet of the space (genre, mood), got genre",
        ),
        (["track-02", "--track-weight", "-1"], "--track-weight: expected a weight of 0 or more, got -1"),
        (["track-02", "--weight", "mood=1", "--track-weight", "nan"], "--track-weight: expected a weight of 0 or more"),
        (["--facet", "genre"], "FACET=TRACK"),
        (["--facet", "genre=track-02", "--facet", "genre=track-03"], "each facet once"),
        (["--like", "artist"], "KIND:NAME"),
        (["--like", "artist:artist O"], 'got "artist O". Did you mean "artist'),
        (["--like", "artist:LON"], 'got "LON". Did you mean "lone"?'),
        (["--like", "label:x"], 'got "label"'),
        (["track-2"], 'Did you mean "track-02"'),
        (["track-02", "--modality", "mix"], "--modality"),
    ],
)
def test_mistakes_are_told_in_one_line(index: Path, arguments: list[str], message: str) -> None:
    assert message in mistake("similar", index, *arguments)


def test_a_space_without_facets_finds_neighbours_but_weighs_nothing(index_folder: Path) -> None:
    plain = crossmodal("similar", index_folder, "track-02", "--json").document
    assert len(ids(plain)) == 10 and "facets" not in plain["results"][0]["detail"]
    assert "which has none" in mistake("similar", index_folder, "track-02", "--weight", "mood=1")
    assert "which has none" in mistake("similar", index_folder, "--facet", "mood=track-02")
