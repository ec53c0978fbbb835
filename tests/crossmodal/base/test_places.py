"""Places follow the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossmodal.base.places import data_folder, home_folder, spaces_folder


def test_named_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSMODAL_HOME", str(tmp_path))
    assert home_folder() == tmp_path
    assert spaces_folder() == tmp_path / "spaces"


def test_platform_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CROSSMODAL_HOME", raising=False)
    assert home_folder().name == "crossmodal"


def test_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CROSSMODAL_DATA", str(tmp_path))
    assert data_folder() == tmp_path
    monkeypatch.setenv("CROSSMODAL_DATA", str(tmp_path / "missing"))
    assert data_folder() is None
    monkeypatch.delenv("CROSSMODAL_DATA")
    assert data_folder() is None
