"""The allow-list of the corpus: which encodings may be used for anything, with the evidence found in the files themselves.

The corpus's own licence.txt says that it is distributed with the encoders' permission, that restrictions are embedded in
the single files or folders, and that the works are out of copyright or licensed. Hence a file is free only when
(a) it says so itself (public domain, CC0, CC BY), or (b) it is a plain, unarranged transcription of a printed book
or edition long out of copyright, in a folder and file that carry no claim or restriction of any kind, or only
the transcriber's name. Whatever bears a copyright sign, a share-alike or copyleft licence, a publisher's name,
a doubtful source or nothing that can be judged is restricted: it may be played and judged with, never shipped in weights.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pairs.corpus import Work


@dataclass(frozen=True)
class Licence:
    """free: usable for anything. evidence: what the files say."""

    name: str
    free: bool
    evidence: str


LICENCES: dict[str, Licence] = {
    licence.name: licence
    for licence in (
        Licence("stated-free", True, "the file states public domain, CC0 or CC BY"),
        Licence("oneills-1850", True, "O'Neill's Music of Ireland (1903), public domain; volunteers' transcriptions that name "
                "the transcriber and state no claim or restriction (1,977 tunes searched)"),
        Licence("ryans-mammoth", True, "Ryan's Mammoth Collection (1883), public domain; files say 'Contributed by' and state no "
                "claim or restriction"),
        Licence("haydn-mozart-beethoven", False, "string quartets without any notice; the encodings go back to CCARH/MuseData, "
                "whose terms reserve rights: unclear, so restricted"),
        Licence("ccarh", False, "Humdrum header: Copyright 1994 CCARH, rights to all derivative electronic formats reserved"),
        Licence("palestrina", False, "Humdrum header: Copyright 2000 John Miller, rights to all derivative electronic formats "
                "reserved, licensing agreement must accompany the file"),
        Licence("essen", False, "essenFolksong/license.txt: legal status unclear, permission for non-commercial use"),
        Licence("campin", False, "edited and dated by Jack Campin (2000 to 2009), who is named but states no terms: unclear"),
        Licence("greentree", False, "credit in the file: PDF (c) 2004 Margaret Greentree, www.jsbchorales.net; no terms for the "
                "encoding itself: unclear"),
        Licence("gpl", False, "Copyright 1999 Laura E. Conrad, GNU General Public License: copyleft, unclear for weights"),
        Licence("share-alike", False, "Creative Commons BY-SA: share-alike, unclear for weights"),
        Licence("copyright-notice", False, "the file bears a copyright or rights notice, or a publisher's name"),
        Licence("unclear", False, "no notice, and the source of the encoding is not known"),
    )
}  # fmt: skip

_STATED_FREE = re.compile(
    r"<rights>[^<]*(?:Public Domain|CC0)[^<]*</rights>|Creative Commons License \(CC-BY\)|assigned to the public domain",
    re.IGNORECASE,
)
_SHARE_ALIKE = re.compile(r"CC-BY-SA|CC-SA-BY", re.IGNORECASE)
_NOTICE = re.compile(
    r"copyright|\(c\)\s*\d{4}|©|all rights|ORPHEUS|EDIZION|GNU General Public|wikifonia", re.IGNORECASE
)
_BY_FOLDER = {
    "palestrina/": "palestrina",
    "essenFolksong/": "essen",
    "airdsAirs/": "campin",
    "miscFolk/": "campin",
    "josquin/": "gpl",
    "haydn/": "haydn-mozart-beethoven",
    "mozart/": "haydn-mozart-beethoven",
    "beethoven/": "haydn-mozart-beethoven",
}
_BOOKS = {"oneills1850/": "oneills-1850", "ryansMammoth/": "ryans-mammoth"}


def licence_of(work: Work, text: str) -> Licence:
    """The licence class of a work from its place and its text."""
    place = next((name for prefix, name in _BY_FOLDER.items() if work.path.startswith(prefix)), "")
    if not place and work.path.startswith("bach/"):
        place = "ccarh" if work.path.endswith(".krn") else "greentree"
    if not place:
        patterns = ((_SHARE_ALIKE, "share-alike"), (_STATED_FREE, "stated-free"), (_NOTICE, "copyright-notice"))
        place = next((name for pattern, name in patterns if pattern.search(text)), "")
    if not place:
        place = next((name for prefix, name in _BOOKS.items() if work.path.startswith(prefix)), "unclear")
    return LICENCES[place]
