"""Catalogues: what users' programs write is read; what is wrong is said in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue, write_catalogue
from pairs.source import Caption, Item


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b.wav", "c d.wav"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def write(folder: Path, text: str | bytes, name: str = "catalogue.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_plain_csv(folder: Path) -> None:
    text = 'id,audio,tags,caption,mood,split\n1,a.wav,slow; choir ;,A "slow" <b>song</b>,sad,val\n2,b.wav,,,,\n'
    catalogue = read_catalogue(write(folder, text))
    first, second = catalogue.items
    assert first.tags == {"slow", "choir"}
    assert first.captions == (Caption('A "slow" <b>song</b>'),)
    assert first.split == "validation"
    assert first.fields == {"mood": "sad"}
    assert first.files["audio"] == folder / "a.wav"
    assert second.tags == frozenset() and second.split is None and second.work == "2"


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbfID; Audio ;Tags\r\n1; a.wav ;slow\r\n",  # spreadsheet: mark, semicolons, Windows line ends, spaces
        b"id\taudio\ttags\n1\ta.wav\tslow\n",
        b"sep=;\r\nid;audio;tags\r\n1;a.wav;slow\r\n",
        "id,audio,tags\r\n1,a.wav,slow\r\n".encode("utf-16"),
        b"id,audio,tags\n\n1,a.wav,slow\n,,\n",
    ],
)
def test_what_programs_write(folder: Path, data: bytes) -> None:
    (item,) = read_catalogue(write(folder, data)).items
    assert item.id == "1" and item.tags == {"slow"} and item.files["audio"] == folder / "a.wav"


def test_jsonl_and_parquet_agree(folder: Path) -> None:
    row = {
        "id": 'quoted "name" & <i>', "audio": "c d.wav", "tags": ["slow", "a;b"], "year": 1900,
        "captions": [{"text": "A choir", "tags": ["choir"]}],
    }  # fmt: skip
    path = write(folder, json.dumps(row) + "\n\n", "catalogue.jsonl")
    table = folder / "catalogue.parquet"
    pq.write_table(pa.Table.from_pylist([row]), table)
    (one,), (other,) = read_catalogue(path).items, read_catalogue(table).items
    assert one == other
    assert one.captions[0].facts == {"choir"} and one.fields["year"] == 1900 and one.tags == {"slow", "a;b"}


def test_ids_default_to_stems_and_missing_files_are_reported(folder: Path) -> None:
    catalogue = read_catalogue(write(folder, "audio\na.wav\ngone.wav\nb.wav\n"))
    assert [item.id for item in catalogue.items] == ["a", "b"]
    assert [(Path(p.path).name, p.reason) for p in catalogue.problems] == [("gone.wav", "no such file")]


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("", "c.csv", "at least one row"),
        ("id,audio\n", "c.csv", "at least one row"),
        ("name,file\n1,a.wav\n", "c.csv", "name, file"),
        ("id,audio\n1,a.wav\n1,b.wav\n", "c.csv", '"1" (lines 2, 3)'),
        ("audio\na.wav\na.wav\n", "c.csv", '"a"'),
        ("id,audio,split\n1,a.wav,trian\n", "c.csv", "line 2"),
        ("id,audio\n1,a.wav,extra\n", "c.csv", "line 2"),
        ("id,audio,audio\n1,a.wav,b.wav\n", "c.csv", "audio"),
        ('id,audio\n1,"a.wav\n', "c.csv", "line"),
        ('{"id": 1, "audio": "a.wav"}\nnot json\n', "c.jsonl", "line 2"),
        ('{"id": 1, "audio": "a.wav"}\n[1]\n', "c.jsonl", "line 2"),
        ('{"id": 1, "audio": "a.wav", "tags": 3}\n', "c.jsonl", "tags"),
        ('{"id": 1, "audio": "a.wav", "captions": [3]}\n', "c.jsonl", "captions"),
        ("not parquet", "c.parquet", "Parquet"),
        ("audio\na.wav\n", "c.txt", ".txt"),
        (b"audio\n\xff\x00\xfe.wav\n", "c.csv", "UTF-8"),
    ],
)
def test_mistakes_take_one_line(folder: Path, text: str | bytes, name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        read_catalogue(write(folder, text, name))
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_no_such_catalogue(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.csv"):
        with pytest.raises(InputError, match="expected a catalogue"):
            read_catalogue(path)


def test_duplicates_are_counted_and_three_are_named(folder: Path) -> None:
    rows = "".join(f"{n},a.wav\n{n},b.wav\n" for n in range(5))
    with pytest.raises(InputError, match="got 5 that come again") as caught:
        read_catalogue(write(folder, "id,audio\n" + rows))
    assert '"2"' in str(caught.value) and '"3"' not in str(caught.value)


def test_writing_and_reading_give_the_same_items(folder: Path) -> None:
    items = [
        Item("x", {"audio": folder / "a.wav"}, frozenset({"slow"}), (Caption("t", frozenset({"slow"})), Caption("free")),
             "w", "test", {"title": 'Sm"ith & <b>', "n": 2}),
        Item("é", {"audio": folder / "b.wav"}, work="é"),
    ]  # fmt: skip
    write_catalogue(folder / "out.jsonl", items)
    assert read_catalogue(folder / "out.jsonl").items == items
    assert not list(folder.glob(".partial-*"))
