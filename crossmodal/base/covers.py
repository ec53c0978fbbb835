"""The cover of a recording: a picture beside it (cover.jpg, folder.png, ...) or embedded in its tags (mp3, flac, m4a, ogg, opus, wav).

Names are read without regard to case; a picture named like the recording itself comes first, and what is embedded comes last.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from crossmodal.base.errors import InputError

PICTURE_EXTENSIONS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")
COVER_NAMES = ("cover", "folder", "front", "album", "albumart", "artwork")
_FRONT = 3  # type of a picture in ID3, FLAC and Vorbis comments: front cover


def cover_beside(recording: Path) -> Path | None:
    """The picture in a recording's folder that is its cover; None where there is none."""
    try:
        names = sorted(os.listdir(recording.parent or "."))
    except OSError:
        return None
    pictures = {name.lower(): name for name in reversed(names) if Path(name).suffix.lower() in PICTURE_EXTENSIONS}
    for stem in (recording.stem.lower(), *COVER_NAMES):
        for extension in PICTURE_EXTENSIONS:
            found = pictures.get(stem + extension)
            if found and (recording.parent / found).is_file():
                return recording.parent / found
    return _prefixed(recording.parent, pictures)


def _prefixed(folder: Path, pictures: dict[str, str]) -> Path | None:
    """ "Front (scan).png", "AlbumArt_{...}_Large.jpg", "cover-500.jpg": a known name, then anything that is no letter."""
    for stem in COVER_NAMES:
        for lower, name in sorted(pictures.items()):
            rest = Path(lower).stem.removeprefix(stem)
            if lower.startswith(stem) and rest and not rest[0].isalpha() and (folder / name).is_file():
                return folder / name
    return None


def embedded_cover(recording: Path) -> bytes | None:
    """The picture in a recording's tags, the front cover where there are several; None where there is none.

    Raises InputError for tags that cannot be read.
    """
    import mutagen

    try:
        with recording.open("rb") as stream:
            tagged = mutagen.File(stream)
    except FileNotFoundError:
        raise InputError(f"{recording}: expected a recording, found nothing; check the path") from None
    except OSError as error:
        raise InputError(f"{recording}: expected a readable file, got '{error.strerror or error}'") from None
    except (mutagen.MutagenError, ValueError, IndexError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(
            f"{recording}: expected readable tags, got damaged ones ({reason}); write them again"
        ) from None
    pictures = [] if tagged is None else _pictures(tagged)
    front = [data for kind, data in pictures if kind == _FRONT and data]
    return next(iter([*front, *(data for _, data in pictures if data)]), None)


def _pictures(tagged: object) -> list[tuple[int, bytes]]:
    """(type, data) of every picture, whatever the format calls it."""
    found = [(int(p.type), bytes(p.data)) for p in getattr(tagged, "pictures", [])]
    tags = getattr(tagged, "tags", None)
    if tags is None:
        return found
    if hasattr(tags, "getall"):  # ID3
        found += [(int(frame.type), bytes(frame.data)) for frame in tags.getall("APIC")]
    elif hasattr(tags, "get"):
        found += [(_FRONT, bytes(cover)) for cover in tags.get("covr") or []]
        found += [picture for text in tags.get("metadata_block_picture") or [] if (picture := _vorbis(str(text)))]
    return found


def _vorbis(text: str) -> tuple[int, bytes] | None:
    from mutagen.flac import Picture
    from mutagen.flac import error as FlacError

    try:
        picture = Picture(base64.b64decode(text, validate=False))
    except (binascii.Error, FlacError, ValueError, IndexError):
        return None
    return int(picture.type), bytes(picture.data)
