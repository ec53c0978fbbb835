"""The report page: whole and well-formed, safe against whatever files are called, honest about what is missing."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile

from crossmodal.base.errors import InputError
from crossmodal.report import (
    AudioClip,
    AudioEntry,
    AudioList,
    Bar,
    BarChart,
    Command,
    LineChart,
    Paragraph,
    Point,
    ScatterMap,
    Section,
    Series,
    Table,
    embed_audio,
    write_report,
)
from crossmodal.report.html import Block, Context, escape, number, short, ticks
from crossmodal.report.page import render_report

VOID = {"meta", "link", "input"}
EVIL = [
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "' onmouseover='alert(1)",
    "</title></style></svg></figure><iframe src=//x>",
    "<!-- &lt;b&gt; & -->",
    "javascript:alert(1)",
    "\x00\x1b[31m\udcff\u202e\u2028",
]


class Page(HTMLParser):
    """Elements, texts and attributes of a page; fails on tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"{tag}: an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def everything(text: str) -> list[Section]:
    """Each block with `text` in each field that takes text."""
    clip = AudioClip(b"\xff\xfb\x00")
    return [
        Section(
            text,
            [
                Paragraph(f"{text}\n\nsecond", note=True),
                Command(text, text),
                Table([text, "n"], [[text, 1], [text, None]], text),
                LineChart(text, [Series(text, [0, 1, 2], [3.0, math.nan, 1.0])], text, text),
                BarChart(text, [Bar(text, 0.5, 0.4, 0.6, 0.1), Bar(text, math.nan)]),
                ScatterMap(text, [Point(0, 0, text, text, text), Point(1, 2, "b", "c")], text),
                AudioList(text, [AudioEntry(text, text, 0.5, clip), AudioEntry("b", missing=text)], text),
            ],
        )
    ]


@pytest.mark.parametrize("text", ["Plain & simple", *EVIL])
def test_whatever_a_file_is_called_it_stays_text(text: str) -> None:
    calm = Page(render_report(everything("calm"), title="calm", subtitle="calm"))
    page = Page(render_report(everything(text), title=text, subtitle=text))
    assert [tag for tag, _ in page.elements] == [tag for tag, _ in calm.elements]
    for (_, ours), (_, theirs) in zip(page.elements, calm.elements, strict=True):
        assert ours.keys() == theirs.keys()
        assert not any(name.startswith("on") for name in ours)
    shown = re.sub(r"[^\w<>&;/'\"=.:()-]", " ", "".join(c if c.isprintable() else " " for c in text)).strip()
    assert any(shown in re.sub(r"[^\w<>&;/'\"=.:()-]", " ", t) for t in page.texts)


def test_policy_allows_the_own_script_and_style_alone_and_nothing_is_fetched(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert write_report(path, everything("x"), title="t") == path.stat().st_size
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    policy = next(m["content"] for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None and policy.startswith("default-src 'none'") and "unsafe" not in policy
    for tag in ("script", "style"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, flags=re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    for _, attributes in page.elements:
        assert "style" not in attributes
        for name in ("src", "href"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#"))
    assert "url(" not in text and "@import" not in text


def test_readable_without_sight() -> None:
    page = Page(render_report(everything("x") + everything("y"), title="t"))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    referred = [str(a[n]) for _, a in page.elements for n in ("aria-labelledby", "for") if n in a]
    links = [str(a["href"])[1:] for a in page.all("a")]
    assert set(referred + links) <= set(ids)
    assert len(page.all("h1")) == 1 and len(page.all("h2")) == 2 and len(page.all("caption")) == 2
    assert {a["scope"] for a in page.all("th")} == {"col", "row"}
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or svg.get("aria-label")
    assert all(a["aria-label"] and a["preload"] == "none" for a in page.all("audio"))


def test_the_same_input_gives_the_same_bytes_and_an_older_page_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("older")
    write_report(path, everything("x"))
    first = path.read_bytes()
    write_report(path, everything("x"))
    assert path.read_bytes() == first
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_sounds_beyond_the_limit_are_left_out_and_counted(tmp_path: Path) -> None:
    clips = [AudioEntry(f"n{i}", clip=AudioClip(bytes(100_000))) for i in range(10)]
    path = tmp_path / "report.html"
    size = write_report(path, [Section("s", [AudioList("q", clips)])], maximum_megabytes=0.5)
    page = Page(path.read_text())
    assert size < 500_000 and len(page.all("audio")) == 3
    assert any("7 sounds were left out" in text for text in page.texts)
    with pytest.raises(InputError, match="maximum_megabytes"):
        write_report(path, [], maximum_megabytes=0)


def test_empty_blocks_say_so() -> None:
    blocks: list[Block] = [
        Table(["a"], [], "none"),
        LineChart("l", [], "x", "y"),
        LineChart("l", [Series("s", [0], [math.nan])], "x", "y"),
        BarChart("b", []),
        ScatterMap("m", [Point(math.nan, 0, "a", "b")]),
        AudioList("q", []),
    ]
    for block in blocks:
        page = Page(block.render(Context(0)))
        assert any("nothing" in text for text in page.texts)
    assert Page(render_report([], title="t")).all("h1")


def test_malformed_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="cells a row"):
        Table(["a", "b"], [["x"]], "t")
    with pytest.raises(InputError, match="as many x as y"):
        Series("s", [1, 2], [1])


def test_table_cells() -> None:
    table = Table(["metric", "value", "n"], [["a", 0.12345, 1240], ["b", math.nan, None]], "t")
    html = table.render(Context(0))
    assert '<td class="number">0.123</td><td class="number">1,240</td>' in html
    assert html.count('<td class="number">–</td>') == 2
    assert number(-0.5) == "\N{MINUS SIGN}0.500" and number(1234.56) == "1,234.6" and number(math.inf) == "–"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.2, "0.2"), (1500, "1500"), (20_000, "20k"), (1.5e6, "1.5M"), (1.5e-5, "1.5e\N{MINUS SIGN}5")],
)
def test_axis_numbers(value: float, text: str) -> None:
    assert short(value) == text


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 7), (0.001, 0.0042), (0, 1999), (5, 5), (1e6, 3e6)])
def test_ticks_are_few_even_and_within(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 1 <= len(found) <= 6
    assert all(low - 1e-6 <= t <= high + 1e-6 for t in found)
    assert np.allclose(np.diff(found, 2), 0)


@pytest.mark.parametrize("values", [[1.0, 1.0], [0.0, 0.0], [-5.0, -5.0], [1e-9, 2e-9], [1e9, -1e9], [7.0]])
def test_lines_stay_within_their_plot(values: list[float]) -> None:
    chart = LineChart("t", [Series("s", list(range(len(values))), values)], "x", "y")
    html = chart.render(Context(0))
    numbers = re.findall(r'class="line c0 d0" d="M([^"]+)"/></svg>|class="line c0 d0" d="M([\d. L-]+)"', html)
    places = [float(n) for pair in numbers for n in re.findall(r"-?[\d.]+", pair[1])]
    assert "nan" not in html and all(0 <= place <= 640 for place in places)


def test_long_lines_are_thinned_and_end_labels_do_not_overlap() -> None:
    x = list(range(20_000))
    series = [Series(f"run {i}", x, [1.0 + i * 1e-4] * len(x)) for i in range(6)]
    html = LineChart("t", series, "x", "y").render(Context(0))
    assert len(html) < 60_000
    places = sorted(float(y) for y in re.findall(r'class="end t\d" x="\d+" y="([\d.]+)"', html))
    assert len(places) == 6 and min(np.diff(places)) >= 15.9


def test_map_of_many_categories_and_points_is_small() -> None:
    generator = np.random.default_rng(0)
    points = [
        Point(float(x), float(y), f"track {i}", f"c{i % 20}")
        for i, (x, y) in enumerate(generator.normal(size=(3000, 2)))
    ]
    html = ScatterMap("m", points).render(Context(0))
    page = Page(html)
    assert len(page.all("title")) == 3000 and len(page.all("button")) == 8 and len(html) < 600_000
    assert any("13 others" in text for text in page.texts)
    coordinates = re.findall(r'<path d="M(-?[\d.]+) (-?[\d.]+)', html)
    assert all(0 <= float(x) <= 720 and 0 <= float(y) <= 520 for x, y in coordinates)


def test_one_point_and_points_on_one_place() -> None:
    for points in ([Point(3, 4, "a", "b")], [Point(3, 4, "a", "b"), Point(3, 4, "c", "d")]):
        assert "nan" not in ScatterMap("m", points).render(Context(0))


def test_embedded_sound_plays_what_was_asked_for(tmp_path: Path) -> None:
    rate = 44100
    time = np.arange(6 * rate) / rate
    tone = 0.3 * np.sin(2 * np.pi * np.where(time < 3, 440, 880) * time)
    path = tmp_path / "a 'quoted' näme.flac"
    soundfile.write(path, np.stack([tone, tone], axis=1), rate)
    clip = embed_audio(path, seconds=2, start=3.5)
    samples, found = soundfile.read(io.BytesIO(clip.data))
    assert found == 22050 and samples.ndim == 1 and len(samples) / found == pytest.approx(2, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples))
    assert np.argmax(spectrum) * found / len(samples) == pytest.approx(880, abs=2)
    assert len(clip.data) < 20_000 and clip.data_uri().startswith("data:audio/mpeg;base64,")
    beyond, _ = soundfile.read(io.BytesIO(embed_audio(path, seconds=2, start=60).data))
    assert np.argmax(np.abs(np.fft.rfft(beyond))) * found / len(beyond) == pytest.approx(440, abs=2)


def test_a_file_that_is_no_sound_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_text("not a sound")
    with pytest.raises(InputError):
        embed_audio(path)
    with pytest.raises(InputError, match="more than 0 s"):
        embed_audio(path, seconds=0)


def test_escape_covers_quotes_and_control_characters() -> None:
    assert escape("<a href=\"x\" b='y'>&\x07") == "&lt;a href=&quot;x&quot; b=&#x27;y&#x27;&gt;&amp; "
