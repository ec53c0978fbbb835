"""Covers with recordings: whose genres count, who belongs together, and covers that a catalogue does not name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from crossmodal.base.errors import InputError
from pairs.cover_audio import CoverAudioPairs, with_covers
from pairs.genres import genres_of
from pairs.source import Item


def item(name: str, genre: str, *, image: str | None = None, work: str = "", **fields: str) -> Item:
    files = {"audio": Path(f"{name}.wav"), "image": Path(image or f"{name}.jpg")}
    return Item(name, files, work=work, fields={"genre": genre, **fields})


def test_genres_come_from_the_column_or_the_tags() -> None:
    tagged = Item("a", {}, tags=frozenset({"jig", "violin", "chorale"}))
    assert genres_of(tagged) == {"jig", "chorale"}
    assert genres_of(Item("a", {}, tags=frozenset({"jig"}), fields={"genres": "Rock; Pop;"})) == {"Rock", "Pop"}
    assert genres_of(Item("a", {}, fields={"genre": '["Rock", "Hip hop"]'})) == {"Rock", "Hip hop"}
    assert genres_of(tagged, column="style") == frozenset()
    assert genres_of(item("a", "Rock", style="Shoegaze"), column="style") == {"Shoegaze"}


def test_labels_are_multi_hot_and_rare_genres_are_none() -> None:
    source = CoverAudioPairs([item("a", "Rock"), item("b", "Rock;Pop"), item("c", "Pop"), item("d", "Polka")])
    assert source.classes() == ["Pop", "Rock"] and source.vocabulary == {"Pop", "Rock"}
    assert [i.id for i in source.items] == ["a", "b", "c"]
    labels = [source.draw(index, np.random.default_rng(0)).inputs["label"] for index in range(3)]
    assert labels == [(False, True), (True, True), (True, False)]
    given = CoverAudioPairs([item("a", "Rock"), item("d", "Polka")], labels=["Polka", "Rock", "Jazz"])
    assert given.draw(1, np.random.default_rng(0)).inputs["label"] == (True, False, False)


def test_items_without_a_genre_can_be_used_as_having_none() -> None:
    items = [item("a", "Rock"), item("b", "Rock"), item("c", "")]
    assert [len(CoverAudioPairs(items, unlabelled=wish)) for wish in (False, True)] == [2, 3]
    source = CoverAudioPairs(items, unlabelled=True)
    assert source.classes() == ["Rock"] and source.draw(2, np.random.default_rng(0)).inputs["label"] == (False,)


def test_recordings_with_one_cover_belong_together() -> None:
    items = [
        item("a", "Rock", image="album.jpg"),
        item("b", "Rock", image="album.jpg"),
        item("c", "Rock", work="song"),
        item("d", "Rock", work="song"),
        item("e", "Rock"),
    ]
    source = CoverAudioPairs(items)
    groups = [source.draw(index, np.random.default_rng(0)).group for index in range(5)]
    assert groups[0] == groups[1] and len(set(groups)) == 4


def test_items_without_genre_or_cover_are_refused() -> None:
    with pytest.raises(InputError, match="fill the columns image and genre"):
        CoverAudioPairs([Item("a", {"audio": Path("a.wav")}, fields={"genre": "Rock"}), item("b", "")])


def test_covers_are_found_beside_and_inside(tmp_path: Path) -> None:
    from mutagen.flac import FLAC, Picture

    paths = [tmp_path / name / "track.flac" for name in ("beside", "inside", "bare", "named")]
    for path in paths:
        path.parent.mkdir()
        soundfile.write(path, np.zeros(4000, np.float32), 8000)
    Image.new("RGB", (30, 30), "red").save(paths[0].parent / "Folder.png")
    Image.new("RGB", (30, 30), "blue").save(tmp_path / "blue.png")
    tagged, picture = FLAC(paths[1]), Picture()
    picture.data, picture.type, picture.mime = (tmp_path / "blue.png").read_bytes(), 3, "image/png"
    tagged.add_picture(picture)
    tagged.save()
    items = [Item(path.parent.name, {"audio": path}) for path in paths]
    items[3] = Item("named", {"audio": paths[3], "image": tmp_path / "blue.png"})
    found, skipped = with_covers(items, tmp_path / "covers")
    assert not skipped and "image" not in found[2].files
    assert found[0].files["image"] == paths[0].parent / "Folder.png"
    assert found[3].files["image"] == tmp_path / "blue.png"
    taken = found[1].files["image"]
    assert taken.parent == tmp_path / "covers" and taken.suffix == ".png"
    assert taken.read_bytes() == (tmp_path / "blue.png").read_bytes()
    again, _ = with_covers(items, tmp_path / "covers")
    assert again[1].files["image"] == taken and len(list((tmp_path / "covers").iterdir())) == 1


def test_unreadable_tags_are_reported(tmp_path: Path) -> None:
    (tmp_path / "broken.flac").write_bytes(b"fLaC" + bytes(50))
    found, skipped = with_covers([Item("a", {"audio": tmp_path / "broken.flac"})], tmp_path / "covers")
    assert "image" not in found[0].files and "damaged" in skipped[0].reason
