"""The contract of every recipe that ships: it is checked, trains a few steps on a small collection, and its space reloads."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from crossmodal.applications.hash_sequences import hashes_of, pruning_vector
from crossmodal.assembly import check_recipe
from crossmodal.base.errors import InputError
from crossmodal.base.frame_store import append_frames
from crossmodal.base.names import resolve
from crossmodal.evaluation import evaluate
from crossmodal.objectives import FITS
from crossmodal.recipe import Recipe, dump_recipe, load_recipe, parse_recipe, recipe_names
from crossmodal.space import Space
from crossmodal.space_files import load_space
from crossmodal.stages.fit import read_losses
from crossmodal.training import train
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.concepts import concept_of, values_of
from pairs.playlists import learn_track_vectors
from pairs.sheet_music import read_sheet
from pairs.source import Item

SMALL = {  # encoder -> arguments that make it small, as a recipe would write them
    "mel-cnn": "{sample_rate: 16000, bands: 16, channels: [4, 4], pools: [[2, 2], [2, 2]], window_seconds: 1.0, dimension: 8}",
    "mel-inception": "{sample_rate: 16000, first: 4, width: 2, pairs: 2, bands: 16, window_seconds: 1.0}",
    "sample-cnn": "{sample_rate: 16000, first: 4, channels: [4, 4, 4, 4, 4, 4, 4], dimension: 8}",
    "re-se-2-multi": "{sample_rate: 16000, first: 4, channels: [4, 4, 4, 4, 4, 4, 4], widening: 2, dimension: 8}",
    "mel-cnn-1d": "{sample_rate: 16000, bands: 16, channels: [8], kernels: [4], pools: [4], window_seconds: 1.0, dimension: 100}",
    "mfcc-histogram": "{kinds: 12, window_seconds: 1.0}",
    "mixture-supervector": "{kinds: 3, window_seconds: 1.0}",
    "excerpt-context": "{channels: [2, 2, 4], width: 8, radius: 4}",
    "sheet-context": "{channels: [2, 2, 4], width: 8, radius: 4}",
    "excerpt-vgg": "{channels: [2, 2, 2, 4], window: 42, dimension: 6}",
    "constant-q-cnn": "{window: 24, channels: [2, 4], pools: [[4, 2], [2, 2]], dimension: 8}",
    "covers": "{stages: 1, size: 32}",
    "sheet-vgg": "{channels: [2, 2, 2, 4], rows: 160, columns: 200, dimension: 6}",
    "constant-q-hash": "{channels: [2, 2, 4], width: 8, radius: 4, window: 64}",
    "constant-q-hash-2016": "{channels: [2, 2, 4], hidden: 12, window: 64}",
    "constant-q-pruning": "{channels: [2, 2, 4], width: 8, heads: 2, window: 64}",
}
WORDS = ("low", "high", "rich", "pure", "slow", "solemn", "choir", "lively", "fiddle", "tune")


@pytest.fixture(scope="module")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Word vectors in GloVe's format."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("words") / "glove.txt"
    rows = (f"{word} {' '.join(f'{x:.3f}' for x in generator.normal(size=12))}\n" for word in WORDS)
    path.write_text("".join(rows), encoding="utf-8")
    return path


def small(name: str, words: Path) -> Recipe:
    """The recipe with its networks and its training made small, by overrides alone."""
    full = load_recipe(name)
    overrides = ["training.steps=2", "training.batch_size=4", "training.validate_every=1", 'training.precision="32"']
    if full.start:
        overrides.append("start=null")  # its towers are not the small ones
    for stage, part in full.stages.items():
        if part.pairs.type == "audio-sheet":
            overrides += [f"stages.{stage}.pairs.arguments.anchors=3", f"stages.{stage}.training.batch_size=3"]
        if "label" in part.auxiliary and full.towers.keys() <= {"voice", "mix", "audio"}:  # as wide as the small towers
            width = 8 if full.facets else 100
            overrides.append(f"stages.{stage}.auxiliary.label.encoder.arguments.dimension={width}")
        if part.pairs.type == "midi-audio":
            overrides.append(f"stages.{stage}.pairs.arguments.frames=64")
        if part.fit:
            kind = resolve(FITS, part.fit.type, "what is fitted").fits
            overrides.append(
                f"stages.{stage}.fit.arguments.{ {'pairs': 'pairs', 'classes': 'samples'}.get(kind, kind) }=20"
            )
    if full.facets:
        overrides.append("facets={genre: 2, mood: 2, instruments: 2, tempo: 2}")
        overrides.append("towers.audio.head.arguments.dimension=8")
    for modality, tower in full.towers.items():
        place = f"towers.{modality}.encoder.arguments"
        if tower.encoder.type in SMALL:
            overrides.append(f"{place}={SMALL[tower.encoder.type]}")
        elif tower.encoder.type == "word-vectors":
            overrides.append(f"{place}.source={words}")
    return load_recipe(name, overrides=overrides)


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_is_checked_and_complete(name: str) -> None:
    recipe = load_recipe(name)
    check_recipe(recipe)
    assert recipe.name == name and recipe.description.strip() and recipe.source.strip()
    assert parse_recipe(dump_recipe(recipe), origin="again") == recipe


VOICES = [name for name in recipe_names() if load_recipe(name).towers.keys() <= {"voice", "mix"}]
SHEETS = [name for name in recipe_names() if "sheet" in load_recipe(name).towers]
MIDI = [name for name in recipe_names() if "midi" in load_recipe(name).towers]


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of frames: six works, each a recording and a MIDI file of it at another tempo; no sound."""
    folder = tmp_path_factory.mktemp("tunes")
    generator = np.random.default_rng(0)
    items = []
    (folder / "warps").mkdir()
    for number in range(6):
        notes = (generator.random((180, 48)) < 0.1).repeat(2, axis=0)
        heard, written = notes[:150], notes[::2][:75]
        append_frames(folder / "frames/recordings", [(f"r{number}", (200 * heard).astype(np.uint8))])
        for store in ("midi", "rolls"):
            append_frames(folder / "frames" / store, [(f"m{number}", (180 * written).astype(np.uint8))])
        warp = folder / f"warps/m{number}.npy"
        np.save(warp, np.array([[0.19, 3.6], [0.19, 7.1]]))
        split = "validation" if number > 3 else "train"
        fields: dict[str, str | int | float | bool | None] = {"recording": f"r{number}", "semitones": 0}
        items.append(Item(id=f"m{number}", files={"warp": warp}, work=f"w{number}", split=split, fields=fields))
    write_catalogue(folder / "catalogue.jsonl", items)
    return folder / "catalogue.jsonl"


@pytest.mark.slow
@pytest.mark.parametrize("name", MIDI)
def test_every_recipe_of_midi_trains_without_sound_and_its_space_reloads(
    name: str, words: Path, tunes: Path, tmp_path: Path
) -> None:
    recipe = small(name, words)
    trained, skipped = train(recipe, tunes, tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert space.fingerprint == trained.fingerprint and space.modalities == ["audio", "midi"]
    assert space.works == {f"w{number}" for number in range(4)}
    frames = np.random.default_rng(0).random((300, 48), dtype=np.float32)
    for modality in space.modalities:
        vectors = space.encode(modality, [frames])
        np.testing.assert_allclose(vectors, trained.encode(modality, [frames]), atol=1e-6)
        if "pruning" in name:
            assert pruning_vector(space, modality, frames).shape == (128,)
        else:
            assert hashes_of(space, modality, frames).shape == (38,) and space.dimension == 32


@pytest.mark.slow
@pytest.mark.parametrize("name", SHEETS)
def test_every_recipe_of_sheets_trains_and_its_space_reloads(
    name: str, words: Path, sheets: Path, tmp_path: Path
) -> None:
    recipe = small(name, words)
    trained, skipped = train(recipe, sheets, tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert space.fingerprint == trained.fingerprint and space.modalities == ["audio", "sheet"]
    items = read_catalogue(sheets).items
    assert space.works == {item.id for item in items}
    strip = read_sheet(items[0].files["sheet"]).crop(0, 300)
    seconds = (0.1 * np.random.default_rng(0).normal(size=3 * 22050)).astype(np.float32)
    for modality, item in (("sheet", strip), ("audio", seconds)):
        now, before = space.sequence(modality, item), trained.sequence(modality, item)
        torch.testing.assert_close(now.vectors, before.vectors, rtol=0, atol=1e-6)
        torch.testing.assert_close(now.vectors.norm(dim=1), torch.ones(len(now.vectors)))
        assert (now.positions.diff() > 0).all() and len(now.positions) == len(now.vectors)
    similarity = space.similarity(space.encode("sheet", [strip]), space.encode("audio", [seconds]))
    assert similarity.shape == (1, 1) and abs(similarity[0, 0]) <= 1 + 1e-6


LISTED = "playlists-word2vec"  # its words are tracks
ALIKE = [name for name in recipe_names() if load_recipe(name).towers.keys() == {"audio"} or name == LISTED]
COVERS = [name for name in recipe_names() if "image" in load_recipe(name).towers]


@pytest.mark.slow
@pytest.mark.parametrize("name", VOICES)
def test_every_recipe_of_voices_trains_and_its_space_reloads(name: str, sounds: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):  # three singers, the last of them only judged
        file = str(sounds / str(row.pop("audio")))
        singer = number % 3
        row |= {
            "voice": file,
            "mix": file,
            "singer": f"s{singer}",
            "work": f"s{singer}",
            "split": ("train", "train", "test")[singer],
        }
    catalogue = tmp_path / "singers.jsonl"
    catalogue.write_text("\n".join(json.dumps(row) for row in rows) + "\n", encoding="utf-8")
    recipe = small(name, tmp_path)
    trained, skipped = train(recipe, catalogue, tmp_path / name, jobs=1, device="cpu", quiet=True)
    space = load_space(tmp_path / name)
    assert not skipped and space.fingerprint == trained.fingerprint and space.modalities == list(recipe.towers)
    assert space.works == {"s0", "s1"}
    for modality in space.modalities:
        paths = sorted(sounds.glob("*.wav"))[:3]
        np.testing.assert_allclose(space.encode(modality, paths), trained.encode(modality, paths), atol=1e-6)
    table = evaluate(space, catalogue, quiet=True)
    assert len(table.rows) == 12 and all(row.chance is not None for row in table.rows) and table.excluded == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", COVERS)
def test_every_recipe_of_covers_trains_and_its_space_reloads(
    name: str, words: Path, covers: Path, tmp_path: Path
) -> None:
    recipe = small(name, words)
    trained, skipped = train(recipe, covers, tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert space.fingerprint == trained.fingerprint and space.modalities == list(recipe.towers)
    pictures = [item.files["image"] for item in read_catalogue(covers).items[:3]]
    np.testing.assert_allclose(space.encode("image", pictures), trained.encode("image", pictures), atol=1e-6)
    assert space.similarity(space.encode("label", space.vocabulary), space.encode("image", pictures)).shape[1] == 3


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", [name for name in recipe_names() if name not in {*SHEETS, *MIDI, *COVERS, *VOICES, *ALIKE}]
)
def test_every_recipe_trains_and_its_space_reloads(name: str, words: Path, sounds: Path, tmp_path: Path) -> None:
    recipe = small(name, words)
    trained, skipped = train(recipe, sounds / "catalogue.jsonl", tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert (
        isinstance(space, Space)
        and space.fingerprint == trained.fingerprint
        and space.modalities == list(recipe.towers)
    )
    assert set(space.vocabulary) == {"low", "high", "rich", "pure"}
    paths = sorted(sounds.glob("*.wav"))[:3]
    np.testing.assert_allclose(space.encode("audio", paths), trained.encode("audio", paths), atol=1e-6)
    other = "text" if "text" in space.modalities else "label"
    np.testing.assert_allclose(
        space.encode(other, space.vocabulary), trained.encode(other, space.vocabulary), atol=1e-6
    )
    assert space.similarity(space.encode(other, ["low"]), space.encode("audio", paths)).shape == (1, 3)
    table = evaluate(space, sounds / "catalogue.jsonl", quiet=True)
    assert table.rows and all(row.chance is not None for row in table.rows)


@pytest.fixture(scope="module")
def related(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The twelve recordings with what the recipes of similarity go by: artists, albums, labels, facets, playlists, ranked lists."""
    folder = tmp_path_factory.mktemp("related")
    rows = []
    for number, line in enumerate((sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        row |= {"audio": str(sounds / row["audio"]), "album": f"album {number // 2}", "label": f"label {number % 2}"}
        row |= {"genre": row["tags"][0], "mood": row["tags"][1], "instruments": f"kind {number % 3}"}
        row |= {"tempo": ["slow", "fast"][number % 2], "playlists": [f"list {number % 3}", f"list {number % 4 + 3}"]}
        row["together"] = row["ranked"] = [f"track-{(number + step) % 12:02}" for step in range(1, 12)]
        rows.append(json.dumps(row))
    (folder / "catalogue.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "catalogue.jsonl"


def test_without_vectors_of_tracks_it_is_said_how_to_make_them(related: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"learn_track_vectors.*--set towers\.text\.encoder\.arguments\.source=FILE"):
        train(load_recipe(LISTED), related, tmp_path / LISTED, jobs=1, device="cpu", quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("name", ALIKE)
def test_every_recipe_of_similarity_trains_and_its_space_reloads(
    name: str, words: Path, related: Path, tmp_path: Path
) -> None:
    if name == LISTED:
        words = tmp_path / "tracks.txt"
        items = read_catalogue(related).items
        lists = {
            value: [i.id for i in items if value in values_of(i, "playlists")]
            for value in concept_of(items, "playlists").names
        }
        assert learn_track_vectors(lists, words, dimension=12) == 12
    recipe = small(name, words)
    trained, skipped = train(recipe, related, tmp_path / name, jobs=1, device="cpu", quiet=True)
    assert not skipped
    space = load_space(tmp_path / name)
    assert space.fingerprint == trained.fingerprint and space.modalities == list(recipe.towers)
    paths = [item.files["audio"] for item in read_catalogue(related).items[:3]]
    vectors = space.encode("audio", paths)
    np.testing.assert_allclose(vectors, trained.encode("audio", paths), atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert (space.embedding.facets is not None) == bool(recipe.facets)
    losses = read_losses(next((tmp_path / name / "training").glob("1-*")))
    assert all(np.isfinite(value) for curve in losses.values() for _, value in curve)
    table = evaluate(space, related, quiet=True)
    assert "multi-label R@5 recordings" in [row.metric for row in table.rows]
