"""What the processes do that read files: nothing that came with a request is decoded in the server itself before it was decoded here.

Each function takes JSON values and a folder, writes there what it makes, and returns its name; names are given by the server.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from crossmodal.base.errors import InputError

MEMORY_BYTES = 3 << 30
PEAKS = 480
SIDE = 640  # pixels of a cover's longer side
_HIGHEST_RATE = 48000
_RATE = 44100  # of what only ffmpeg reads
Item = Mapping[str, object]
Row = dict[str, object]


def work(item: Item, folder: Path) -> Row:
    """Does what item["task"] names with the file item["path"]."""
    from crossmodal.base.workers import limit_memory

    if item["task"] in HEAVY:
        import crossmodal.applications.midi_features
        import crossmodal.applications.scores  # noqa: F401  what they load shall not count against the limit
    limit_memory(MEMORY_BYTES)
    return TASKS[str(item["task"])](item, folder)


def recording(item: Item, folder: Path) -> Row:
    """A recording -> mono float WAV of the same rate, up to 48 kHz, of at most item["most_seconds"] (longer ones are refused), and what
    was wrong with it.
    """
    import warnings

    import soundfile

    from crossmodal.base.audio import AudioWarning, blocks

    path, most = Path(str(item["path"])), float(str(item["most_seconds"]))
    try:
        rate = min(_HIGHEST_RATE, int(soundfile.info(str(path)).samplerate))
    except soundfile.LibsndfileError:
        rate = _RATE
    name, frames = f"{item['name']}.wav", 0
    with (
        warnings.catch_warnings(record=True) as told,
        soundfile.SoundFile(folder / name, "w", rate, 1, subtype="FLOAT", format="WAV") as output,
    ):
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", AudioWarning)
        for block in blocks(path, sample_rate=rate, block_seconds=10.0):
            frames += len(block)
            if frames > most * rate:
                raise InputError(f"{path}: expected at most {most:g} s of sound, got more; send a part of it")
            output.write(block)
    return {"file": name, "seconds": round(frames / rate, 3), "warnings": [str(one.message) for one in told]}


def picture(item: Item, folder: Path) -> Row:
    """A picture, or the cover in or beside a recording -> PNG, its longer side at most item["side"] pixels where that is given."""
    from PIL import Image

    from crossmodal.base.covers import embedded_cover
    from crossmodal.base.pictures import read_picture

    path = Path(str(item["path"]))
    data = embedded_cover(path) if item.get("embedded") else path
    if data is None:
        raise InputError(f"{path}: no cover")
    image = Image.fromarray(read_picture(data))
    if item.get("side"):
        image.thumbnail((int(str(item["side"])),) * 2)
    image.save(folder / f"{item['name']}.png")
    return {"file": f"{item['name']}.png"}


def midi(item: Item, folder: Path) -> Row:
    """Whether a MIDI file can be read to its end."""
    from crossmodal.applications.track_frames import MOST_SECONDS
    from pairs.midi_reading import read_music

    del folder
    return {"seconds": round(float(read_music(Path(str(item["path"])), most_seconds=MOST_SECONDS).end), 3)}


def frames(item: Item, folder: Path) -> Row:
    """A recording or MIDI file -> constant-Q frames, for matching; of a MIDI file its notes (onset, end, pitch) too."""
    import numpy as np

    from crossmodal.applications.track_frames import MOST_SECONDS, frames_into
    from pairs.midi_reading import read_music

    heard = recording(item, folder) if item["kind"] == "audio" else {}  # not longer than it may be
    path = folder / str(heard["file"]) if heard else item["path"]
    made = frames_into({**item, "path": str(path), "number": item["name"]}, folder) | {
        "warnings": heard.get("warnings", [])
    }
    if item["kind"] == "midi":
        onset, length, pitch = read_music(Path(str(item["path"])), most_seconds=MOST_SECONDS).performance.joined
        with (folder / f"{item['name']}-notes.npy").open("wb") as stream:
            np.save(stream, np.stack([onset, onset + length, pitch]).astype(np.float64), allow_pickle=False)
    return made


def strips(item: Item, folder: Path) -> Row:
    """A score -> its systems, for looking it up."""
    from crossmodal.applications.strips import strips_into

    return strips_into(item, folder)


def peaks(item: Item, folder: Path) -> Row:
    """A recording -> its waveform in `PEAKS` steps."""
    import numpy as np

    from crossmodal.base.audio import blocks

    del folder
    rate, tick = 8000, 80  # the loudest sample of every hundredth of a second is kept
    parts = list(blocks(Path(str(item["path"])), sample_rate=rate, block_seconds=10.0))
    loud = [np.abs(np.pad(part, (0, -len(part) % tick))).reshape(-1, tick).max(axis=1) for part in parts]
    levels = np.concatenate(loud)
    borders = np.linspace(0, len(levels), min(PEAKS, len(levels)) + 1).astype(int)[:-1]
    shown = np.maximum.reduceat(levels, borders)
    seconds = sum(len(part) for part in parts) / rate
    return {"seconds": round(seconds, 3), "peaks": [round(float(v), 3) for v in np.minimum(shown, 1.0)]}


def playable(item: Item, folder: Path) -> Row:
    """A recording that browsers do not play -> MP3."""
    from crossmodal.report.audio import embed_audio

    (folder / f"{item['name']}.mp3").write_bytes(
        embed_audio(Path(str(item["path"])), seconds=float(str(item["most_seconds"]))).data
    )
    return {"file": f"{item['name']}.mp3"}


def pages(item: Item, folder: Path) -> Row:
    """A score -> its pages as PNG."""
    import cv2

    from crossmodal.applications.scores import read_score

    sizes = []
    for number, page in enumerate(read_score(Path(str(item["path"]))).pages):
        height, width = page.image.shape
        cv2.imwrite(str(folder / f"{item['name']}-{number + 1}.png"), page.image)
        sizes.append([width, height])
    return {"sizes": sizes}


def warm(item: Item, folder: Path) -> Row:
    """Nothing, so that a process is up and has loaded what it needs before somebody waits for it."""
    del item, folder
    return {}


HEAVY = frozenset({"midi", "frames", "strips", "pages", "warm-heavy"})  # they load networks' libraries and engravers
TASKS: dict[str, Callable[[Item, Path], Row]] = {
    "recording": recording, "picture": picture, "midi": midi, "frames": frames, "strips": strips, "peaks": peaks,
    "playable": playable, "pages": pages, "warm": warm, "warm-heavy": warm,
}  # fmt: skip
