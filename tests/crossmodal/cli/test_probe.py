"""`crossmodal probe`, `map` and `filters`: what a space has learned, and what they say of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

from crossmodal.applications import filters as listening
from crossmodal.applications.filters import layer_spectra
from crossmodal.applications.probe_features import features_of, layer_means, level_maxima, mfcc_statistics
from crossmodal.applications.probing import probe
from crossmodal.base.errors import InputError
from crossmodal.recipe import load_recipe
from crossmodal.space import Space
from crossmodal.space_files import load_space
from encoders.encoder import AudioEncoder
from encoders.waveform import SampleCnn

from .running import crossmodal, mistake


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty sounds, low or high, other works than the space was trained on; a class of its own in the test split."""
    folder = tmp_path_factory.mktemp("columns")
    rows = []
    for number in range(20):
        low = number % 2 == 0
        time = np.arange(16000) / 16000
        hertz = (120 if low else 2500) * (1 + number / 50)
        sound = 0.3 * np.sign(np.sin(2 * np.pi * hertz * time)) + 0.01 * np.random.default_rng(number).normal(
            size=16000
        )
        soundfile.write(folder / f"{number}.wav", sound.astype(np.float32), 16000)
        kind = "strange" if number == 19 else "low" if low else "high"
        tags = ["deep", "sound"] if low else ["bright"] if number % 3 else ["bright", "sound"]
        split = "test" if number >= 12 else "train"
        rows.append({"id": f"s{number}", "audio": f"{number}.wav", "kind": kind, "tags": tags, "split": split})
    (folder / "catalogue.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n", encoding="utf-8")
    return folder / "catalogue.jsonl"


@pytest.fixture(scope="module")
def space(space_folder: Path) -> Space:
    return load_space(space_folder)


@pytest.mark.parametrize("classifier", ["linear", "mlp", "knn", "svm"])
def test_classes_that_are_heard_are_recognized(space_folder: Path, columns: Path, classifier: str) -> None:
    done = crossmodal(
        "probe", space_folder, columns, "--target", "kind", "--classifier", classifier, "--json", "--quiet"
    )
    table = done.document
    rows = {row["metric"]: row for row in table["rows"]}
    assert done.code == 0 and rows["accuracy"]["value"] > 0.8 and rows["accuracy"]["n"] == 7
    assert rows["balanced accuracy"]["chance"] == 0.5 and rows["balanced accuracy"]["value"] > 0.8
    assert table["skipped"] == [{"path": "kind=strange", "reason": "in the test split alone: not judged"}]
    assert "kind=strange" in done.err


@pytest.mark.parametrize("classifier", ["linear", "mlp"])
def test_several_values_are_scored_each(space: Space, columns: Path, classifier: str) -> None:
    rows = {row.metric: row for row in probe(space, columns, target="tag", classifier=classifier, quiet=True).rows}
    assert rows["ROC-AUC"].value > 0.9 and rows["ROC-AUC"].n == 3 and rows["ROC-AUC"].chance == 0.5
    assert rows["PR-AUC"].value > 0.9


@pytest.mark.parametrize("features", ["layers", "levels", "mfcc"])
def test_other_features_are_judged_the_same_way(space: Space, columns: Path, features: str) -> None:
    table = probe(space, columns, target="kind", features=features, quiet=True)
    assert table.rows[0].value == 1.0
    assert table.space == ("mfcc" if features == "mfcc" else f"{space.reference} ({features})")


def test_few_labels_and_none_of_a_class(space: Space, columns: Path) -> None:
    few = probe(space, columns, target="kind", labels=0.3, quiet=True)
    assert few.rows[0].metric == "accuracy"
    with pytest.raises(InputError, match="raise --labels"):
        for seed in range(20):  # two labels, of one class for some seed
            probe(space, columns, target="kind", labels=0.01, seed=seed, quiet=True)


def test_a_class_without_labels_is_named_and_counts_against_the_space(
    space: Space, columns: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in columns.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row |= {"audio": str(columns.parent / row["audio"]), "kind": f"{row['kind']} {int(row['id'][1:]) % 4 // 2}"}
    (tmp_path / "more.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = [
        probe(space, tmp_path / "more.jsonl", target="kind", labels=0.25, seed=seed, quiet=True) for seed in range(4)
    ]
    missing = [row for table in found for row in table.skipped if "0 labels" in row.reason]
    assert missing and all(row.path.startswith("kind=") for row in missing)
    assert min(table.rows[0].value for table in found) < 0.8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target", "knd"], 'the column "knd"'),
        (["--target", "kind", "--labels", "0"], "--labels: expected a share above 0"),
        (["--target", "kind", "--labels", "1.5"], "--labels"),
        (["--target", "kind", "--classifier", "tree"], "tree"),
    ],
)
def test_mistakes_are_told_in_one_line(space_folder: Path, columns: Path, arguments: list[str], message: str) -> None:
    assert message in mistake("probe", space_folder, columns, *arguments)


def test_what_the_space_was_trained_on_is_left_out_of_the_test(
    space_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    rows = [json.loads(line) for line in (sounds / "catalogue.jsonl").read_text(encoding="utf-8").splitlines()]
    for number, row in enumerate(rows):
        row |= {
            "audio": str(sounds / row["audio"]),
            "kind": row["tags"][0],
            "split": "test" if number in {0, 1, 10, 11} else "train",
        }
    (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    table = probe(load_space(space_folder), tmp_path / "c.jsonl", target="kind", quiet=True)
    assert table.excluded == 2 and table.rows[0].n == 2


def test_layers_are_means_over_windows_and_time(space: Space, columns: Path) -> None:
    path = columns.parent / "3.wav"
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    frames = encoder.prepare(path)
    width, starts = encoder.window, encoder.window_starts(frames.shape[-1])
    windows = torch.stack([frames[..., start : start + width] for start in starts])
    with torch.inference_mode():
        first = encoder.layers()[0](windows[:, None])
        last = encoder(windows)
    found = layer_means(space, path)
    np.testing.assert_allclose(found[: first.shape[1]], first.mean(dim=(0, 2, 3)).numpy(), atol=1e-5)
    np.testing.assert_allclose(found[-last.shape[1] :], last.mean(dim=0).numpy(), atol=1e-5)
    assert mfcc_statistics(path).shape == (120,) and np.isfinite(mfcc_statistics(path)).all()
    with pytest.raises(InputError, match="--features"):
        features_of(space, "chroma")


def test_levels_are_maxima_within_windows_of_the_last_three_layers(space: Space, columns: Path) -> None:
    path = columns.parent / "3.wav"
    encoder = space.encoder("audio")
    assert isinstance(encoder, AudioEncoder)
    frames = encoder.prepare(path)
    windows = [frames[..., start : start + encoder.window] for start in encoder.window_starts(frames.shape[-1])]
    made: list[list[torch.Tensor]] = []  # layer -> window -> maps (c, ...)
    for layer in encoder.layers()[-3:]:
        heard: list[torch.Tensor] = []
        handle = layer.register_forward_hook(lambda module, given, maps, heard=heard: heard.append(maps[0].clone()))
        with torch.inference_mode():
            for window in windows:
                encoder(window[None])
        handle.remove()
        made.append(heard)
    means = [
        sum(float(channel.max()) for channel in channels) / len(windows)
        for heard in made
        for channels in zip(*heard, strict=True)
    ]
    found = level_maxima(space, path)
    np.testing.assert_allclose(found, means, atol=1e-5)
    both = features_of(space, "levels", beside=[space])(path)
    np.testing.assert_array_equal(both, np.concatenate([found, found]))


def test_several_spaces_are_looked_at_side_by_side(space_folder: Path, columns: Path) -> None:
    done = crossmodal(
        "probe", space_folder, columns, "--target", "kind", "--features", "levels", "--also", space_folder, "--json", "--quiet"
    )  # fmt: skip
    table = done.document
    assert done.code == 0 and table["rows"][0]["value"] > 0.8
    one, other = table["space"].split(" + ")
    assert one == other and one.endswith(" (levels)")
    told = mistake("probe", space_folder, columns, "--target", "kind", "--features", "mfcc", "--also", space_folder)
    assert "leave --also out" in told


def test_why_nothing_can_be_judged_is_told(space: Space, columns: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in columns.read_text(encoding="utf-8").splitlines()]

    def told(**change: object) -> str:
        changed = [
            {**row, "audio": str(columns.parent / row["audio"]), **(change if row["split"] == "test" else {})}
            for row in rows
        ]
        (tmp_path / "c.jsonl").write_text("\n".join(map(json.dumps, changed)), encoding="utf-8")
        with pytest.raises(InputError) as caught:
            probe(space, tmp_path / "c.jsonl", target="kind", quiet=True)
        return str(caught.value)

    assert "whose values (new) no training item has" in told(kind="new")
    assert "all of works that the space was trained on" in told(work=min(space.works))
    assert "none with kind in the split test" in told(split="validation")
    for row in rows:
        row["kind"] = "the same"
    assert "got 1 (the same in 12 items); check the columns split and kind" in told()


def test_a_map_has_every_item_its_colour_and_its_sound(index_folder: Path, tmp_path: Path) -> None:
    page = tmp_path / "sub" / "map.html"
    page.parent.mkdir()
    done = crossmodal("map", index_folder, "--colour", "artist", "--output", page, "--json")
    assert done.document["items"] == 12
    text = page.read_text(encoding="utf-8")
    assert text.count("data-sound=") == 12 and "artist 3" in text and "media-src data: 'self' file:" in text
    assert "track%2000.wav" in text and "<audio" in text
    again = tmp_path / "sub" / "again.html"
    crossmodal("map", index_folder, "--colour", "artist", "--output", again)
    assert again.read_bytes() == page.read_bytes()
    assert 'Did you mean "artist"' in mistake("map", index_folder, "--colour", "artst", "--output", page)


def test_a_filter_is_excited_by_its_own_frequency() -> None:
    """A layer of band-pass filters that are known: the spectra peak where they were made to."""
    encoder = SampleCnn(length=3, first=3, channels=[3, 3], dimension=3)
    convolution = encoder.strided[0]
    assert isinstance(convolution, torch.nn.Conv1d) and convolution.bias is not None
    with torch.no_grad():
        convolution.weight.copy_(torch.tensor([[[1.0, 1.0, 1.0]], [[1.0, 0.0, -1.0]], [[1.0, -2.0, 1.0]]]))
        convolution.bias.zero_()
    first, *others = layer_spectra(encoder)
    assert first.shape == (3, 365) and len(others) == 2
    peaks = first.argmax(axis=1)
    assert (np.diff(peaks) >= 0).all() and peaks[0] < 130 < peaks[
        -1
    ]  # the sum likes low ones, the second difference high ones


def test_deep_layers_are_listened_to_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = SampleCnn().eval()
    heard: list[int] = []
    encoder.strided.register_forward_pre_hook(lambda module, given: heard.append(given[0].numel()))
    monkeypatch.setattr(listening, "STEPS", 1)
    deepest = torch.nn.Sequential(*encoder.layers()[:-1])
    spectra = listening._spectra(deepest, encoder.window, 0)
    assert 1 <= len(spectra) <= listening.shown_filters(512, encoder.window) == 16
    assert max(heard) <= listening.CHUNK and sum(heard[1:]) == 16 * encoder.window


def test_filters_are_the_same_in_parts_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder = SampleCnn(length=3, first=5, channels=[7, 6], dimension=3).eval()
    at_once = layer_spectra(encoder)
    for chunk in (1, 2 * listening.SAMPLES + 1):
        monkeypatch.setattr(listening, "CHUNK", chunk)
        for whole, parts in zip(at_once, layer_spectra(encoder), strict=True):
            np.testing.assert_allclose(parts, whole, atol=1e-4)


def test_filters_are_drawn_and_other_towers_refused(sounds: Path, space_folder: Path, tmp_path: Path) -> None:
    from crossmodal.training import train

    small = "{sample_rate: 16000, first: 4, channels: [4, 4, 4, 4, 4, 4], dimension: 8}"
    overrides = [
        "training.steps=1",
        "training.batch_size=4",
        f"towers.audio.encoder.arguments={small}",
        'training.precision="32"',
    ]
    train(
        load_recipe("clmr", overrides=overrides),
        sounds / "catalogue.jsonl",
        tmp_path / "clmr",
        jobs=1,
        device="cpu",
        quiet=True,
    )
    done = crossmodal("filters", tmp_path / "clmr", "--output", tmp_path / "f.png", "--json")
    assert len(done.document["filters"]) == 7 and all(1 <= count <= 4 for count in done.document["filters"])
    with Image.open(tmp_path / "f.png") as picture:
        assert picture.size[1] == 288 and len(set(picture.convert("L").tobytes())) > 10
    assert "a tower of raw samples" in mistake("filters", space_folder, "--output", tmp_path / "g.png")
