"""Scores -> notes, through verovio. A broken score may end the process (a segmentation fault in the engraver): read in workers.

verovio is asked for the page count and the timemap before its MIDI, since `renderToMIDI` crashes without a timemap.
"""

from __future__ import annotations

import base64

from crossmodal.base.errors import InputError
from pairs.corpus import Work, read_text
from pairs.notes import Notes, read_midi

# No page is drawn, so none is laid out; repeats are not played twice: an excerpt never needs them.
_OPTIONS = {"breaks": "none", "expandNever": True, "footer": "none", "header": "none"}


class ScoreReader:
    """One verovio toolkit, used for many scores of this process."""

    def __init__(self) -> None:
        import verovio  # a compiled engraver that only this class needs

        verovio.enableLog(verovio.LOG_OFF)
        self._toolkit = verovio.toolkit()
        self._toolkit.setOptions(_OPTIONS)

    def midi(self, text: str) -> bytes:
        """A score's text (MusicXML, Humdrum, ABC, MEI) -> MIDI bytes. InputError when verovio cannot read or time it."""
        if not self._toolkit.loadData(text):
            raise InputError("verovio cannot read this score")
        if self._toolkit.getPageCount() < 1:
            raise InputError("verovio lays out no page of this score")
        timemap = self._toolkit.renderToTimemap({})
        if sum(bool(entry.get("on")) for entry in timemap) < 4:
            raise InputError("the score has fewer than four moments with notes")
        return base64.b64decode(self._toolkit.renderToMIDI())

    def read(self, work: Work) -> tuple[bytes, Notes]:
        """A work of the corpus -> its MIDI bytes and notes. InputError with the reason when that fails."""
        midi = self.midi(read_text(work))
        notes = read_midi(midi)
        if len(notes) < 8:
            raise InputError("the score has fewer than eight notes")
        if notes.end > 20_000:
            raise InputError("the score's times are implausible")
        return midi, notes
