"""The real page in a real browser: found, heard, dropped, followed, pressed; and what it says when something goes wrong."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import soundfile

from crossmodal.applications.indexing import build_index
from crossmodal.space_files import bundled_folder, load_space
from pairs.engraving import Engraver
from pairs.sheet_collection import perform_sheet
from pairs.sheet_music import sheet_of
from scripts.serving import Server, browser_path, browsing, serving, until
from tests.conftest import RATE, tone
from tests.crossmodal.applications.shelf import score_text
from tests.crossmodal.applications.tunes import TuneShelf

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytest.importorskip("playwright", reason="the browser tests need playwright: pip install playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(browser_path() is None, reason="the browser tests need a Chromium: apt install chromium"),
]
SOUND = "document.getElementById('sound')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with browsing() as made:
        yield made


@pytest.fixture(scope="module")
def folder(index_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """idx, of recordings; scores, of a score, made with the bundled space; played.flac, a recording of it. Read only."""
    made = tmp_path_factory.mktemp("page")
    (made / "sheets").mkdir()
    (made / "sheets/invention.mei").write_text(score_text(0), encoding="utf-8")
    perform_sheet(sheet_of(Engraver().engrave(score_text(0))), made / "played.flac", np.random.default_rng(0))
    build_index(
        load_space(bundled_folder() / "audio-sheet"), [made / "sheets"], made / "scores", modality="sheet", quiet=True
    )
    shutil.copytree(index_folder, made / "idx")
    return made


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving([folder / "idx", folder / "scores"]) as made:
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page on which no script fails and nothing is asked of any other machine."""
    made = browser.new_page(viewport={"width": 1000, "height": 800})
    made.set_default_timeout(300_000)
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda line: wrong.append(line.text) if "Content Security Policy" in line.text else None)
    made.on(
        "request",
        lambda asked: (
            wrong.append(asked.url) if not re.match(r"(http://127\.0\.0\.1|data:|blob:)", asked.url) else None
        ),
    )
    yield made
    made.close()
    assert not wrong


def test_words_are_typed_and_what_is_found_is_heard(page: Page, server: Server) -> None:
    page.goto(server.address)
    page.get_by_label("Words to search for").fill("a low rich sound")
    page.keyboard.press("Enter")
    page.locator(".card").first.wait_for()
    assert page.locator(".card").count() == 10 and "text=a+low+rich+sound" in page.url
    page.locator(".card button.hear").first.click()
    until(page, f"{SOUND}.currentTime > 0.3")
    assert page.locator("#play").get_attribute("aria-label") == "Pause"
    page.locator(".card").first.get_by_text("More like this").click()
    page.get_by_role("heading", name=re.compile("More like")).wait_for()
    page.go_back()
    page.get_by_role("heading", name="For “a low rich sound”").wait_for()


def test_what_counts_in_more_like_this_is_chosen_with_sliders(page: Page, faceted_index: Path) -> None:
    with serving([faceted_index]) as server:
        page.goto(f"{server.address}#/search/index?like=track-02")
        page.locator(".card").first.wait_for()
        genre = page.get_by_label("genre")
        assert page.locator(".weights input").count() == 3 and genre.input_value() == "1"
        genre.focus()
        page.keyboard.press("Home")
        page.wait_for_url(re.compile(r"weight\.genre=0"))
        expected = server.get("api/indexes/index/similar?id=track-02&weight=genre%3D0&weight=mood%3D1")
        assert isinstance(expected, dict)
        shown = "[...document.querySelectorAll('.card')].map((c) => c.dataset.id).join()"
        until(page, f"{shown} === '{','.join(row['id'] for row in expected['results'])}'")
        page.reload()
        page.locator(".card").first.wait_for()
        assert page.get_by_label("genre").input_value() == "0"


def test_an_address_opens_what_it_was_copied_from(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/search/idx?text=high+pure&k=5")
    page.locator(".card").first.wait_for()
    assert page.locator(".card").count() == 5 and page.get_by_label("Words to search for").input_value() == "high pure"


def test_a_file_that_is_dropped_finds_itself(page: Page, server: Server, sounds: Path) -> None:
    page.goto(f"{server.address}#/search/idx")
    page.get_by_label("Words to search for").wait_for()
    data = list((sounds / "track 04.wav").read_bytes())
    transfer = page.evaluate_handle(
        "data => { const t = new DataTransfer();"
        " t.items.add(new File([new Uint8Array(data)], 'mine.wav', { type: 'audio/wav' })); return t; }",
        data,
    )
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
    page.locator(".card").first.wait_for()
    assert page.locator(".card").first.get_attribute("data-id") == "track-04"
    assert "file=mine.wav" in page.url


def test_a_wrong_file_is_told_with_what_to_do(page: Page, server: Server, tmp_path: Path) -> None:
    page.goto(f"{server.address}#/search/idx")
    for name, told in (("notes.txt", "choose another"), ("broken.wav", "not audio")):
        (tmp_path / name).write_text("no music at all")
        page.locator("#file").set_input_files(tmp_path / name)
        page.locator(".problem", has_text=told).wait_for()
        assert name in page.locator(".problem").inner_text()
        assert not page.get_by_role("button", name="Try again").count()  # it would be refused again


def test_a_point_of_the_map_is_pressed_and_heard(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/map/idx?column=artist")
    page.locator("canvas[data-drawn='12']").wait_for()
    page.locator(".legend li", has_text="artist 2").wait_for()
    canvas = page.locator("canvas.plane")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    page.locator(".tip strong").wait_for()
    page.keyboard.press("ArrowDown")
    places = server.get("api/indexes/idx/map")
    assert isinstance(places, dict)
    box = canvas.bounding_box()
    assert box is not None
    size = min(box["width"], box["height"]) - 40
    x, y = box["width"] / 2 + (places["x"][7] - 0.5) * size, box["height"] / 2 - (places["y"][7] - 0.5) * size
    canvas.click(position={"x": x, "y": y})
    until(page, f"{SOUND}.currentTime > 0.2")
    assert "id=track-07" in page.evaluate(f"{SOUND}.src") and "item=track-07" in page.url


def test_a_score_is_followed_and_its_cursor_moves_with_the_sound(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.address}#/score/scores?score=invention.mei")
    page.locator("#recording").set_input_files(folder / "played.flac")
    page.get_by_role("button", name="Follow").click()
    frame = page.frame_locator("iframe.scorepage")
    frame.locator(".sheet img").first.wait_for()
    inside = page.frames[-1]
    places = []
    for second in (2.0, 6.0):
        inside.evaluate("s => { document.getElementById('sound').currentTime = s; }", second)
        until(inside, f"Math.abs(document.getElementById('sound').currentTime - {second}) < 0.1")
        page.wait_for_timeout(300)
        places.append([inside.locator("rect.cursor").get_attribute(name) for name in ("x", "y")])
    assert places[0] != places[1]
    frame.locator("#play").click()
    until(inside, "document.getElementById('sound').currentTime > 6.3")
    page.reload()  # the address names the job
    page.frame_locator("iframe.scorepage").locator(".sheet img").first.wait_for()


def test_an_alignment_is_cancelled(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.address}#/score/scores?score=invention.mei")
    page.locator("#recording").set_input_files(folder / "played.flac")
    page.get_by_role("button", name="Follow").click()
    page.get_by_label("Progress of the alignment").wait_for()
    page.get_by_role("button", name="Cancel").click()
    page.get_by_text("Cancelled.").wait_for()


def test_the_listening_experiment_plays_the_moment(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/listen/idx?feature=2")
    page.locator(".clip").first.wait_for()
    assert page.locator(".clip").count() == 8
    page.locator(".clip button").first.click()
    until(page, f"{SOUND}.currentTime > 0.2")
    page.get_by_role("button", name="the next").press("Enter")
    page.get_by_role("heading", name="feature 3").wait_for()
    until(page, "document.activeElement.dataset.keep === 'next'")  # so that it can be pressed again
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="feature 4").wait_for()


def test_with_the_keyboard_alone_nobody_is_thrown_back_to_the_top(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/search/idx?text=low")
    page.locator(".card").first.wait_for()
    page.get_by_role("link", name="More like this").first.press("Enter")
    page.get_by_role("heading", name=re.compile("More like")).wait_for()
    until(page, "document.activeElement.tagName === 'H2'")
    page.get_by_role("link", name="Map").press("Enter")
    page.locator("canvas[data-drawn]").wait_for()
    assert page.evaluate("document.activeElement.innerText") == "Map"
    assert page.locator("nav [aria-current]").inner_text() == "Map"


def test_a_recording_that_is_dropped_onto_scores_is_identified(page: Page, server: Server, folder: Path) -> None:
    page.goto(f"{server.address}#/search/scores")
    page.locator("#file").set_input_files(folder / "played.flac")
    page.locator(".card", has_text="confidence").wait_for()
    assert page.locator(".card").first.get_attribute("data-id") == "invention.mei" and "way=identify" in page.url
    page.locator(".card img.score").wait_for()
    page.locator("#file").set_input_files(folder / "sheets" / "invention.mei")
    page.locator(".problem", has_text="expected a recording").wait_for()


def test_a_midi_file_lies_over_the_recording_that_it_is_of(page: Page, tune_shelf: TuneShelf) -> None:
    with serving([tune_shelf.index]) as own:
        page.goto(f"{own.address}#/match/index")
        page.locator("#match-file").set_input_files(tune_shelf.folder / "queries/2.mid")
        roll = page.locator("canvas.roll[data-notes]")
        roll.wait_for()
        assert page.locator(".card").first.get_attribute("data-id") == "2.wav"
        assert int(roll.get_attribute("data-notes") or 0) > 10
        pixels = """roll => new Set(new Uint32Array(roll.getContext('2d').getImageData(0, 0, roll.width, roll.height).data.buffer)).size"""
        assert roll.evaluate(pixels) > 10  # a spectrum, outlines and a playhead
        size = roll.bounding_box()
        assert size is not None
        roll.click(position={"x": size["width"] / 4, "y": size["height"] / 2})  # 5 of the 20 seconds that are shown
        until(page, f"{SOUND}.currentTime > 5.1")
        assert "2.wav" in page.evaluate(f"{SOUND}.src") and page.evaluate(f"{SOUND}.currentTime") < 15


def test_a_recording_is_described_with_ones_own_words(page: Page, server: Server, sounds: Path) -> None:
    page.goto(f"{server.address}#/search/idx")
    page.get_by_text("More choices").click()
    page.get_by_label("With a file").select_option("tag")
    page.get_by_label("Out of these words").fill("purple, round")
    page.locator("#file").set_input_files(sounds / "track 00.wav")
    page.get_by_role("heading", name="What fits track 00.wav").wait_for()
    assert sorted(page.locator(".tags a").all_inner_texts()) == ["purple", "round"]


@pytest.mark.parametrize("width", [360, 768, 1400])
@pytest.mark.parametrize("view", ["search/idx?text=low", "map/idx", "score/scores", "listen/idx?tag=low"])
def test_nothing_is_wider_than_the_window(page: Page, server: Server, view: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"{server.address}#/{view}")
    page.locator("h1").wait_for()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_that_can_be_pressed_has_a_name(page: Page, server: Server) -> None:
    for view in ("search/idx?text=low", "map/idx", "score/scores", "listen/idx?tag=low"):
        page.goto(f"{server.address}#/{view}")
        page.locator("h1").wait_for()
        page.wait_for_timeout(500)
        nameless = page.evaluate(
            "[...document.querySelectorAll('button, a, input, select, meter, progress, img, iframe')]"
            ".filter((e) => !(e.innerText || '').trim() && !e.getAttribute('aria-label') && !e.getAttribute('title')"
            " && e.getAttribute('alt') === null && !(e.labels && e.labels.length)).map((e) => e.outerHTML.slice(0, 120))"
        )
        assert not nameless, view


def test_a_server_that_restarts_in_the_middle_of_an_upload(page: Page, folder: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "long.wav", tone(220, seconds=600), RATE)
    with serving([folder / "idx"]) as first:
        port = int(first.address.rstrip("/").rpartition(":")[2])
        page.goto(f"{first.address}#/search/idx")
        page.locator("#file").wait_for(state="attached")
        tools = page.context.new_cdp_session(page)
        slow = {"offline": False, "latency": 20, "downloadThroughput": -1, "uploadThroughput": 400_000}
        tools.send("Network.emulateNetworkConditions", slow)
        page.locator("#file").set_input_files(tmp_path / "long.wav")
        page.locator("progress").wait_for()
        first.process.kill()
        page.locator(".problem").wait_for()
        assert "Start it again" in page.locator(".problem").inner_text()
    with serving([folder / "idx"], port=port):
        tools.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
        page.get_by_role("button", name="Try again").click()
        page.locator(".card").first.wait_for()
