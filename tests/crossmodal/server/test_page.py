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
    from playwright.sync_api import Browser, Page, Route

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


def test_an_address_may_ask_for_any_number_of_results(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/search/idx?text=high+pure&k=7")
    page.locator(".card").first.wait_for()
    assert page.locator(".card").count() == 7 and page.locator("#count").input_value() == "7"
    page.get_by_label("Words to search for").fill("low")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="For “low”").wait_for()
    assert page.locator(".card").count() == 7 and "k=7" in page.url


def test_an_address_that_was_cut_off_opens_a_view_all_the_same(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/search/%E0%A4%A")
    page.get_by_text("There is no collection %E0%A4%A here").wait_for()
    page.get_by_label("Words to search for").wait_for()


def test_a_view_that_cannot_be_loaded_says_so_and_is_tried_again(page: Page, server: Server) -> None:
    page.route("**/map.js", lambda route: route.abort())
    page.goto(f"{server.address}#/search/idx")
    page.get_by_role("link", name="Map").click()
    page.locator(".problem", has_text="“Map” could not be loaded").wait_for()
    assert not page.locator(".view.search").count()
    page.get_by_role("link", name="Search", exact=True).click()
    page.get_by_label("Words to search for").wait_for()
    page.get_by_role("link", name="Map").click()
    page.locator(".problem").wait_for()
    page.unroute("**/map.js")
    page.get_by_role("button", name="Try again").click()
    page.locator("canvas[data-drawn='12']").wait_for()


def test_a_file_that_is_dropped_finds_itself(page: Page, server: Server, sounds: Path) -> None:
    page.goto(f"{server.address}#/search/idx")
    page.get_by_label("Words to search for").wait_for()
    data = list((sounds / "track 04.wav").read_bytes())
    transfer = page.evaluate_handle(
        "data => { const t = new DataTransfer();"
        " t.items.add(new File([new Uint8Array(data)], 'mine.wav', { type: 'audio/wav' })); return t; }",
        data,
    )
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    page.dispatch_event(".drop", "dragenter")
    assert page.locator(".over").count() == 2  # the place, and the view around it, which takes files too
    page.dispatch_event(".drop", "drop", {"dataTransfer": transfer})
    page.locator(".card").first.wait_for()
    assert page.locator(".card").first.get_attribute("data-id") == "track-04"
    assert "file=mine.wav" in page.url and len(sent) == 1 and not page.locator(".over").count()
    page.dispatch_event(".view", "drop", {"dataTransfer": transfer})
    until(page, "document.querySelector('.out').ariaBusy === null && document.querySelector('.card')")
    assert len(sent) == 2


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


def test_the_address_of_a_map_holds_its_item_and_what_is_seen_of_it(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/map/idx?column=artist&item=track-07")
    title = page.locator(".tip strong")
    title.wait_for()
    places = server.get("api/indexes/idx/map")
    assert isinstance(places, dict)
    assert title.inner_text() == places["titles"][7]
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_url(re.compile(r"column=artist&item=track-07&x=0\.5&y=0\.5&zoom=1\.5$"))
    page.reload()
    page.locator(".legend li").first.wait_for()
    page.get_by_role("button", name="Zoom in").click()
    page.wait_for_url(re.compile(r"zoom=2\.25$"))
    page.get_by_role("button", name="Show all").click()
    page.wait_for_url(re.compile(r"column=artist&item=track-07$"))
    box = page.locator("canvas.plane").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 10, box["y"] + 10)
    page.mouse.down()
    page.mouse.move(box["x"] + 110, box["y"] + 10, steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile(r"&x=0\.[0-4]\d*&y=0\.5&zoom=1$"))


def test_a_slow_answer_does_not_take_the_place_of_a_newer_colour(page: Page, server: Server) -> None:
    slow: list[Route] = []
    page.route("**/map/colours?tag=low", lambda route: slow.append(route))  # noqa: PLW0108 playwright writes an attribute to it
    page.goto(f"{server.address}#/map/idx")
    page.locator("canvas[data-drawn='12']").wait_for()
    for word in ("low", "high"):
        with page.expect_request(f"**/map/colours?tag={word}"):
            page.get_by_label("Colour by a word").fill(word)
            page.keyboard.press("Enter")
    page.locator(".legend", has_text="fits “high”").wait_for()
    with page.expect_response("**/map/colours?tag=low"):
        slow[0].continue_()
    page.wait_for_timeout(300)
    assert "fits “high”" in page.locator(".legend").inner_text()


def test_the_others_of_a_map_are_drawn_as_the_legend_shows_them(page: Page, server: Server) -> None:
    groups = [-1, 9, 1, 0, *[-1] * 8]  # a square is for group 1 alone
    made = {"by": "artist", "values": None, "groups": groups, "names": [f"artist {n}" for n in range(10)]}
    page.route("**/map/colours*", lambda route: route.fulfill(json=made))
    page.add_init_script(
        "const { rect, clearRect } = CanvasRenderingContext2D.prototype; let drawn = 0; window.squares = () => drawn;"
        "CanvasRenderingContext2D.prototype.clearRect = function (...all) { drawn = 0; clearRect.apply(this, all); };"
        "CanvasRenderingContext2D.prototype.rect = function (...all) { drawn++; rect.apply(this, all); };"
    )
    page.goto(f"{server.address}#/map/idx?column=artist")
    page.locator(".legend li", has_text="others").wait_for()
    assert page.evaluate("squares()") == 1
    round_ones = "[...document.querySelectorAll('.swatch')].filter((one) => !one.style.borderRadius).length"
    assert page.evaluate(round_ones) == 5  # of the 8 groups of the palette every other one; and the others


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


def test_a_file_takes_the_place_of_the_recording_that_the_address_named(
    page: Page, server: Server, folder: Path
) -> None:
    job = {"id": "one", "state": "cancelled", "step": "", "progress": 0.0}
    page.route(re.compile("api/align"), lambda route: route.fulfill(json=job))
    page.goto(f"{server.address}#/score/idx?recording=track-04")
    page.get_by_text("From the collection: track-04").wait_for()
    page.locator("#recording").set_input_files(folder / "played.flac")
    assert page.locator("#took-recording").inner_text() == "played.flac" and "track-04" not in page.url
    page.locator("#score").set_input_files(folder / "sheets/invention.mei")
    page.evaluate(
        "() => { const send = XMLHttpRequest.prototype.send; XMLHttpRequest.prototype.send = function (form) {"
        " window.sent = [...form.keys()].sort().join(); return send.call(this, form); }; }"
    )
    page.get_by_role("button", name="Follow").click()
    page.get_by_text("Cancelled.").wait_for()
    assert page.evaluate("sent") == "index,recording,score" and page.url.endswith("#/score/idx?job=one")
    assert page.locator("#took-recording").inner_text() == "played.flac"


def test_an_address_without_a_recording_takes_none_from_the_one_before(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/score/idx?recording=track-04")
    page.get_by_text("From the collection: track-04").wait_for()
    page.evaluate("location.hash = '#/score/idx'")
    until(page, "document.getElementById('took-recording').textContent === ''")


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


def test_where_a_recording_was_to_begin_is_not_where_the_next_one_begins(page: Page, server: Server) -> None:
    page.goto(f"{server.address}#/search/idx")
    page.get_by_label("Words to search for").wait_for()
    page.evaluate(
        """async (address) => {
          const { play } = await import(`${address}player.js`);
          window.sought = 0;
          document.getElementById('sound').addEventListener('seeking', () => { window.sought++; });
          play('idx', 'track-00', 'one', { at: 1 });
          play('idx', 'track-01', 'two');
        }""",
        server.address,
    )
    until(page, f"{SOUND}.currentTime > 0.1")
    assert "track-01" in page.evaluate(f"{SOUND}.src") and page.evaluate("sought") == 0


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


def test_a_roll_moves_with_its_own_recording_only(page: Page, tune_shelf: TuneShelf, tmp_path: Path) -> None:
    (tmp_path / "some").mkdir()
    for number, name in ((2, "2.wav"), (4, "12.wav"), (3, "3 'b' [c].wav")):
        shutil.copy(tune_shelf.folder / f"recordings/{number}.wav", tmp_path / "some" / name)
    build_index(load_space(tune_shelf.space), [tmp_path / "some"], tmp_path / "odd", quiet=True)
    left = page.get_by_label("Place in the recording")
    roll = page.locator("canvas.roll[data-notes]")
    with serving([tmp_path / "odd"]) as own:
        page.goto(f"{own.address}#/match/odd")
        page.locator("#match-file").set_input_files(tune_shelf.folder / "queries/2.mid")
        roll.wait_for()
        page.locator("[data-id='12.wav'] button.hear").click()
        until(page, f"{SOUND}.currentTime > 0.1")
        page.evaluate(f"{SOUND}.currentTime = 12")
        until(page, f"{SOUND}.currentTime > 12.3")
        assert left.input_value() == "0"
        page.locator("#match-file").set_input_files(tune_shelf.folder / "queries/3.mid")
        page.get_by_role("heading", name="For 3.mid").wait_for()
        roll.wait_for()
        size = roll.bounding_box()
        assert size is not None
        roll.click(position={"x": size["width"] * 0.75, "y": size["height"] / 2})  # 15 of the 20 seconds that are shown
        until(page, "Number(document.querySelector('.rollbox input').value) > 5")
        assert page.locator("#now").inner_text().startswith("3")


def test_one_sound_at_a_time(page: Page, tune_shelf: TuneShelf, tmp_path: Path) -> None:
    build_index(
        load_space(tune_shelf.space), [tune_shelf.folder / "midi"], tmp_path / "notes", modality="midi", quiet=True
    )
    own = "document.querySelector('.rollbox audio')"
    with serving([tune_shelf.index, tmp_path / "notes"]) as server:
        page.goto(f"{server.address}#/match/index")
        page.locator("#match-file").set_input_files(tune_shelf.folder / "queries/2.mid")
        page.locator("button.hear").first.click()
        until(page, f"{SOUND}.currentTime > 0.1")
        page.get_by_label("Collection").select_option("notes")
        page.locator("#match-file").set_input_files(tune_shelf.folder / "recordings/2.wav")
        page.locator("canvas.roll[data-notes]").click()
        until(page, f"{own}.currentTime > 0.1 && !{own}.paused && {SOUND}.paused")
        page.locator("#play").click()
        until(page, f"!{SOUND}.paused && {own}.paused")


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


@pytest.mark.parametrize("width", [360, 1000])
def test_the_choice_of_a_collection_has_a_name_on_a_phone_too(page: Page, server: Server, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 700})
    page.goto(f"{server.address}#/search/idx")
    page.locator("h1").wait_for()
    assert page.get_by_role("combobox", name="Collection", exact=True).count() == 1


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
