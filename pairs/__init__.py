"""What belongs together: catalogues, splits, pair sources, and the demo collection. `PAIRS` is the only table of pair sources."""

from __future__ import annotations

PAIRS: dict[str, str] = {
    "audio-sheet": "pairs.audio_sheet:AudioSheetPairs",
    "cover-audio": "pairs.cover_audio:CoverAudioPairs",
    "midi-audio": "pairs.midi_audio:MidiAudioPairs",
    "episodes": "pairs.relatives:EpisodePairs",
    "labels": "pairs.tags:LabelPairs",
    "ranked-lists": "pairs.ranked_lists:RankedListPairs",
    "relatives": "pairs.relatives:RelativePairs",
    "tags": "pairs.tags:TagPairs",
    "texts": "pairs.tags:TextPairs",
    "track-vectors": "pairs.playlists:TrackVectorPairs",
    "views": "pairs.tags:ViewPairs",
    "vocal-mix": "pairs.vocal_mix:VocalMixPairs",
    "singers": "pairs.vocal_mix:SingerPairs",
}
