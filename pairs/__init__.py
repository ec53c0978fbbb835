"""What belongs together: catalogues, splits, pair sources, and the demo collection. `PAIRS` is the only table of pair sources."""

from __future__ import annotations

PAIRS: dict[str, str] = {
    "audio-sheet": "pairs.audio_sheet:AudioSheetPairs",
    "cover-audio": "pairs.cover_audio:CoverAudioPairs",
    "midi-audio": "pairs.midi_audio:MidiAudioPairs",
    "labels": "pairs.tags:LabelPairs",
    "tags": "pairs.tags:TagPairs",
    "texts": "pairs.tags:TextPairs",
    "views": "pairs.tags:ViewPairs",
    "vocal-mix": "pairs.vocal_mix:VocalMixPairs",
    "singers": "pairs.vocal_mix:SingerPairs",
}
