"""Collections of singers, invented and real, small ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from pairs.catalogue import read_catalogue
from pairs.notes import Notes, Part
from pairs.rooms import SAMPLE_RATE
from pairs.stems import build_stem_collection, read_stems, sung_clips
from pairs.sung_songs import backing_sound, draw_backing, draw_song, sung_part, transposition_to
from pairs.voice_collection import Cast, build_voice_collection, singer_of


def piece(fifths: int = 0, *, names: tuple[str, str] = ("", "")) -> Notes:
    """A melody over a bass, 32 quarters of 4/4."""
    onset = np.arange(32.0)
    upper = 60 + (7 * fifths) % 12 + np.array([0, 4, 7, 4, 5, 9, 7, 2] * 4)
    lower = np.repeat(36 + (7 * fifths) % 12 + np.array([0, 5, 7, 0]), 2)
    return Notes(
        (
            Part(names[0], onset, np.ones(32), upper, np.full(32, 80)),
            Part(names[1], np.arange(0, 32, 4.0), np.full(8, 4.0), lower, np.full(8, 80)),
        ),
        (4, 4),
    )  # fmt: skip


def test_the_named_or_the_highest_part_is_sung() -> None:
    assert sung_part(piece()) == 0 and sung_part(piece(names=("PIANO", "MELODY"))) == 1
    with pytest.raises(InputError, match="a piece with notes"):
        sung_part(Notes(()))


def test_a_song_can_be_sung_and_keeps_its_accompaniment() -> None:
    song = draw_song(piece(), np.random.default_rng(0), seconds=10.0)
    assert 4 <= len(song.melody) < 32 and len(song.notes.parts) == 1
    melody = song.sung(semitones=-12)
    assert 0.8 < len(melody) / melody.end < 4 and melody.pitch.max() <= 60 - 12 + 9
    assert song.key.signature == 0
    at_tempo = draw_song(piece(), np.random.default_rng(0), seconds=8.0, beats_per_minute=100.0)
    assert at_tempo.qpm == 100.0
    sound = backing_sound(song, draw_backing(song, np.random.default_rng(1)), np.random.default_rng(1))
    assert 5 < len(sound) / SAMPLE_RATE < 25 and np.abs(sound).max() > 0
    with pytest.raises(InputError, match="at least 8 notes"):
        draw_song(piece().clip(0, 5), np.random.default_rng(0), seconds=10.0)


def test_another_piece_comes_in_the_key_of_the_song() -> None:
    song, other = (draw_song(piece(fifths), np.random.default_rng(0), seconds=10.0) for fifths in (0, 2))
    assert transposition_to(other, song) == -2 and transposition_to(song, song) == 0


def test_singers_do_not_depend_on_how_many_there_are() -> None:
    few, many = Cast(train=2, test=3), Cast(train=50, test=3)
    assert few.numbers("test") == many.numbers("test")
    assert set(few.numbers("train")) <= set(many.numbers("train"))
    assert not set(many.numbers("train")) & set(many.numbers("test"))
    assert singer_of(0, 5) == singer_of(0, 5) != singer_of(1, 5)
    other = Cast(songs=6, songs_trained=4)
    assert [other.songs_of(split) for split in ("train", "validation", "test")] == [4, 6, 6]
    assert few.songs_of("train") == few.songs_of("test")


@pytest.mark.slow
def test_a_small_collection_is_a_catalogue_and_goes_on_where_it_was(tmp_path: Path) -> None:
    cast = Cast(train=2, validation=1, test=1, songs=3, songs_trained=2)
    path = build_voice_collection(tmp_path / "a", cast=cast, works=40, jobs=1, licence="free", quiet=True)
    items = read_catalogue(path).items
    assert len(items) == 10 and {item.split for item in items} == {"train", "validation", "test"}
    for item in items:
        voice, mix = (soundfile.read(item.files[kind], dtype="float32")[0] for kind in ("voice", "mix"))
        assert len(voice) == len(mix) > 4 * SAMPLE_RATE and max(np.abs(voice).max(), np.abs(mix).max()) < 1
        assert item.work == f"singer-{item.fields['singer']}" and item.fields["licence"] == "free"
    assert any("backing" in item.files for item in items)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path / "a").glob("*/*.flac")}
    lost = next(iter(before))
    content = lost.read_bytes()
    lost.unlink()
    build_voice_collection(tmp_path / "a", cast=cast, works=40, jobs=1, licence="free", quiet=True)
    after = {file: file.stat().st_mtime_ns for file in before}
    assert lost.read_bytes() == content  # the same sound again
    assert sum(after[file] != before[file] for file in before) <= 3  # that of one song
    with pytest.raises(InputError, match="at least 2 songs"):
        build_voice_collection(tmp_path / "b", cast=Cast(songs=1), quiet=True)
    with pytest.raises(InputError, match="at least 2 songs"):
        build_voice_collection(tmp_path / "b", cast=Cast(songs_trained=1), quiet=True)


@pytest.fixture
def musdb(tmp_path: Path) -> Path:
    """Three songs of two singers in MUSDB18's folders; one singer is in both splits."""
    generator = np.random.default_rng(0)
    for place in ("train/Ann - One", "train/Bob - Two", "test/Ann - Three"):
        folder = tmp_path / "musdb" / place
        folder.mkdir(parents=True)
        for name, scale in (("vocals", 0.2), ("drums", 0.1), ("bass", 0.1), ("other", 0.1)):
            samples = scale * generator.standard_normal((15 * 8000, 2))
            soundfile.write(folder / f"{name}.wav", samples, 8000)
    return tmp_path / "musdb"


def test_musdb_folders_are_recognized(musdb: Path) -> None:
    stems = read_stems(musdb)
    assert {(stem.singer, stem.song, stem.split) for stem in stems} == {
        ("Bob", "Bob - Two", "train"),
        ("Ann", "Ann - Three", "test"),  # who is tested is not trained on
    }
    assert all(len(stem.backings) == 3 for stem in stems)


def test_stems_become_clips_alone_and_in_mixes(musdb: Path, tmp_path: Path) -> None:
    path = build_stem_collection([musdb], tmp_path / "out", jobs=1, quiet=True)
    items = read_catalogue(path).items
    assert {item.fields["singer"] for item in items} == {"Ann", "Bob"} and all(
        i.work.startswith("singer-") for i in items
    )
    for item in items:
        voice, rate = soundfile.read(item.files["voice"])
        assert rate == SAMPLE_RATE and len(voice) == 12 * SAMPLE_RATE == len(soundfile.read(item.files["mix"])[0])
    with pytest.raises(InputError, match="stems of the singers Eve"):
        build_stem_collection([musdb], tmp_path / "none", singers=["Eve"], quiet=True)


def test_other_layouts(tmp_path: Path) -> None:
    for name in ("vocals/amy_1_01.wav", "accompaniment/amy_1_01.wav", "vocals/amy_1_02.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        soundfile.write(tmp_path / name, np.ones(8000) * 0.1, 8000)
    stem = read_stems(tmp_path)[0]
    assert (stem.singer, stem.song, stem.id, len(read_stems(tmp_path))) == ("amy", "amy_1", "amy_1_01", 1)
    catalogue = tmp_path / "mine.csv"
    catalogue.write_text("voice,backing,singer\nvocals/amy_1_01.wav,accompaniment/amy_1_01.wav,amy\n", encoding="utf-8")
    assert read_stems(catalogue)[0].singer == "amy"
    catalogue.write_text("voice,singer\nvocals/amy_1_01.wav,amy\n", encoding="utf-8")
    with pytest.raises(InputError, match="voice, backing and singer"):
        read_stems(catalogue)
    with pytest.raises(InputError, match="expected stems"):
        read_stems(tmp_path / "vocals")


def test_clips_are_where_somebody_sings() -> None:
    voice = np.zeros(60 * 1000, np.float32)
    voice[24_000:48_000] = 0.1 * np.random.default_rng(0).standard_normal(24_000)
    assert sung_clips(voice, rate=1000) == [slice(24_000, 36_000), slice(36_000, 48_000)]
    assert sung_clips(voice[:5000], rate=1000) == [slice(0, 5000)]
