"""Pages for the tests: plain lines drawn with numpy, a short score engraved by verovio, and what a camera does to them."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SPACE = 10  # pixels between the drawn lines


def blank(height: int = 1700, width: int = 1200) -> np.ndarray:
    """White paper."""
    return np.full((height, width), 255, np.uint8)


def draw_staff(
    image: np.ndarray, top: int, *, left: int = 100, right: int = 1100, space: int = SPACE, thick: int = 2
) -> None:
    """Five lines, the upper edge of the first at `top`."""
    for line in range(5):
        image[top + line * space : top + line * space + thick, left:right] = 0


def draw_system(image: np.ndarray, tops: list[int], *, left: int = 100, right: int = 1100, bars: int = 4) -> None:
    """Staves, the line that joins them at the left, and bar lines through all of them."""
    for top in tops:
        draw_staff(image, top, left=left, right=right)
    bottom = tops[-1] + 4 * SPACE + 2
    for x in np.linspace(left, right - 3, bars + 1).astype(int):
        image[tops[0] : bottom, x : x + 3] = 0


def add_notes(image: np.ndarray, tops: list[int], *, seed: int = 0) -> None:
    """Noteheads with stems at random places of each staff."""
    generator = np.random.default_rng(seed)
    for top in tops:
        for x in range(200, 1060, 40):
            y = top + int(generator.integers(-2, 11)) * SPACE // 2
            cv2.ellipse(image, (x, y), (6, 5), -20.0, 0, 360, 0, -1)
            image[max(0, y - 35) : y, x + 5 : x + 7] = 0


def piano_page(*, seed: int = 0) -> tuple[np.ndarray, list[list[int]]]:
    """Five systems of two staves with notes, and the tops of their staves."""
    image = blank()
    systems = [[y, y + 110] for y in range(120, 1500, 280)]
    for tops in systems:
        draw_system(image, tops)
        add_notes(image, tops, seed=seed + tops[0])
    return image, systems


def rotate(image: np.ndarray, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """The page turned about its middle (positive: lines fall to the right), and the (2, 3) affine old -> new."""
    h, w = image.shape
    matrix = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 1.0)
    return cv2.warpAffine(image, matrix, (w, h), borderValue=255), matrix


def photograph(image: np.ndarray, *, degrees: float = 3.0, seed: int = 0) -> np.ndarray:
    """Rotation, perspective, a curled page, uneven light, blur, noise and a dark desk around the page."""
    generator = np.random.default_rng(seed)
    pad = 90
    page = cv2.copyMakeBorder(image, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=255)
    h, w = page.shape
    ys, xs = np.mgrid[:h, :w].astype(np.float32)
    page = cv2.remap(page, xs, ys + 12 * np.sin(np.pi * xs / w), cv2.INTER_LINEAR, borderValue=255)
    corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], np.float32)
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), -degrees, 1.0)
    moved = corners @ turn[:, :2].T + turn[:, 2] + np.array([[20, 0], [-25, 30], [0, -10], [0, 0]])
    view = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    page = cv2.warpPerspective(page, view, (w, h), borderValue=90)
    light = cv2.resize(np.array([[1.0, 0.8], [0.7, 0.5]], np.float32), (w, h))
    grey = cv2.GaussianBlur((page * 0.7 + 40) * light, (0, 0), 0.8) + generator.normal(0, 4, (h, w))
    return np.clip(grey, 0, 255).astype(np.uint8)


@lru_cache(maxsize=2)
def engraved(voices: int = 2) -> np.ndarray:
    """A score of several voices, one staff each, engraved by verovio and drawn by resvg. Treat as read only."""
    import resvg_py
    import verovio

    measures = "8GL 8A 8B 8cJ 8dL 8e 8d 8BJ 4c 4e 4d 4B 4A 8FL 8AJ 4d 8cL 8AJ 8BL 8G 8D 8GJ 4B 4d"
    notes = measures.split() * 6
    low = [n.swapcase().replace("l", "L").replace("j", "J") for n in notes]
    rows = ["\t".join(["**kern"] * voices), "\t".join(f"*staff{voices - i}" for i in range(voices))]
    rows.append("\t".join(["*clefF4" if voices > 1 else "*clefG2", *["*clefG2"] * (voices - 1)]))
    rows += ["\t".join([code] * voices) for code in ("*k[f#]", "*M4/4")]
    beats = 0.0
    for low_note, note in zip(low if voices > 1 else notes, notes, strict=True):
        if beats % 4 == 0:
            rows.append("\t".join([f"={1 + int(beats) // 4}"] * voices))
        beats += 4 / int(note[0])
        rows.append("\t".join([low_note, *[note] * (voices - 1)]))
    rows += ["\t".join(["=="] * voices), "\t".join(["*-"] * voices)]
    verovio.enableLog(verovio.LOG_OFF)
    toolkit = verovio.toolkit()
    toolkit.setOptions(
        {"pageWidth": 2100, "pageHeight": 2970, "scale": 40, "pageMarginTop": 120, "header": "none", "footer": "none"}
    )
    assert toolkit.loadData("\n".join(rows) + "\n")
    png = resvg_py.svg_to_bytes(svg_string=toolkit.renderToSVG(1), width=1300, background="white")
    image: np.ndarray = np.asarray(cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_GRAYSCALE))
    return image


def text_page() -> np.ndarray:
    """Lines of words."""
    image = blank()
    for y in range(150, 1600, 32):
        cv2.putText(image, "Lorem ipsum dolor sit amet, consectetur", (100, y), cv2.FONT_HERSHEY_COMPLEX, 0.9, 0, 2)
    return image
