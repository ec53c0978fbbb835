"""The studies of networks on raw samples: which networks there are, and whole tables from tiny trainings, made once."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from crossmodal.base.errors import InputError
from crossmodal.recipe import load_recipe
from encoders.waveform import SampleCnn
from scripts import study_waveforms
from scripts.study_waveforms import RATES, SIZES, STUDIES, USUAL, Network, networks_of


def test_all_networks_can_be_built_and_the_usual_one_is_shared() -> None:
    found = networks_of(STUDIES, SIZES, RATES)
    assert {study: len(networks) for study, networks in found.items()} == {"sizes": 8, "rates": 7, "networks": 5}
    assert all(Network(USUAL, "sample-cnn") in networks for networks in found.values())
    for network in found["rates"]:
        strides = network.arguments.get("strides", [3] * 10)
        assert isinstance(strides, list) and len(strides) == 10
        rate = network.arguments.get("sample_rate", 22_050)
        assert isinstance(rate, int) and math.prod(strides) / rate == pytest.approx(59_049 / 22_050, rel=0.04)
    assert networks_of(["sizes"], ["4^7"], [])["sizes"][0].arguments == {"length": 4, "blocks": 7}
    with pytest.raises(InputError, match=r"--sizes: expected sizes such as 2\^13"):
        networks_of(["sizes"], ["3*9"], [])


def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    monkeypatch.setattr(sys, "argv", ["study_waveforms", *map(str, arguments)])
    study_waveforms.main()
    return capsys.readouterr().out


TINY = (
    "--steps",
    1,
    "--width",
    0.02,
    "--jobs",
    1,
    "--set",
    "training.batch_size=4",
    "--set",
    'training.precision="32"',
)


@pytest.mark.slow
def test_tables_are_made_and_trainings_are_not_done_again(
    sounds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = (sounds / "catalogue.jsonl", "--work", tmp_path / "w", "--sizes", "3^8", "4^6", "--rates", 2000, *TINY)
    made = json.loads(run(monkeypatch, capsys, *given, "--json"))
    assert made["setting"].startswith("reduced: 1 steps, 0.02 of the width on ")
    sizes, rates, networks = (made["studies"][study] for study in STUDIES)
    assert [row["network"] for row in sizes] == ["sample-cnn 3^8", "sample-cnn 4^6", "all 2 joined", "MFCC statistics"]
    assert [row["network"] for row in rates] == [f"{USUAL} at 2000 Hz", USUAL, "MFCC statistics"]
    assert [row["network"] for row in networks][-2:] == ["re-se-2-multi", "MFCC statistics"]
    assert all(0 <= row["levels ROC-AUC"] <= 1 and row["chance"] == 0.5 for row in (*sizes, *rates, *networks))
    assert all(0 <= row["own"] <= 1 for row in (*sizes[:2], *rates[:2], *networks[:5]))
    assert rates[1] == networks[3] and rates[1]["published"] == 0.886
    assert not list((tmp_path / "w").glob("*/training/prepared"))

    def never(*arguments: object, **options: object) -> None:
        raise AssertionError("a finished training begins again")

    monkeypatch.setattr("crossmodal.training.run_stage", never)
    text = run(monkeypatch, capsys, *given)
    assert text.count("reduced: 1 steps") == 3 and "MFCC statistics" in text


def test_narrow_networks_keep_their_depth(tmp_path: Path) -> None:
    """A share of the width changes no window."""
    for network in networks_of(["sizes"], ["5^5"], [])["sizes"]:
        arguments = study_waveforms.narrowed(network, network.arguments, 0.125)
        assert arguments == {"channels": [16, 16, 32, 64, 64], "first": 16, "dimension": 64}
        encoder = SampleCnn(length=5, blocks=5, **arguments)  # type: ignore[arg-type]
        assert encoder.window == 15_625
    frames = load_recipe("mel-frames").towers["audio"].encoder.arguments
    assert study_waveforms.narrowed(Network("m", "mel-frames"), frames, 0.5) == {
        "channels": [64, 128, 128, 256],
        "dimension": 256,
    }
