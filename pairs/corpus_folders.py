"""What each folder of the corpus is: its readable name, its composer, the words that hold for all of it, how it sounds.

`kind` chooses the natural orchestrations: "choir", "tune", "song", "quartet", "keyboard", "lied", "band", "mixed".
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Folder:
    """One collection. `prefix`: of the path inside the corpus; `words`: genre tags of every work in it."""

    prefix: str
    collection: str
    kind: str
    words: tuple[str, ...] = ()
    composer: str = ""
    excluded: bool = False


_DANCE = ("folk music", "traditional dance")

FOLDERS: tuple[Folder, ...] = (
    Folder("airdsAirs/", "Aird's airs", "tune", ("folk music", "Scottish music")),
    Folder("bach/", "Bach chorales", "choir", ("chorale", "sacred music", "baroque music"), "Johann Sebastian Bach"),
    Folder("beach/", "Songs of the Americas", "lied", ("romantic music",), "Amy Beach"),
    Folder("beethoven/", "Beethoven string quartets", "quartet", ("classical music", "chamber music"), "Ludwig van Beethoven"),
    Folder("chopin/", "Piano pieces", "keyboard", ("romantic music", "piano music"), "Frédéric Chopin"),
    Folder("ciconia/", "Trecento", "choir", ("medieval music",), "Johannes Ciconia"),
    Folder("corelli/", "Corelli trio sonatas", "mixed", ("baroque music", "chamber music"), "Arcangelo Corelli"),
    Folder("cpebach/", "Piano pieces", "mixed", ("classical music",), "Carl Philipp Emanuel Bach"),
    Folder("demos/", "Demonstrations", "mixed", excluded=True),
    Folder("essenFolksong/han", "Essen folk songs: China", "song", ("folk song", "Chinese music")),
    Folder("essenFolksong/", "Essen folk songs", "song", ("folk song",)),
    Folder("handel/", "Handel", "mixed", ("baroque music",), "George Frideric Handel"),
    Folder("haydn/", "Haydn string quartets", "quartet", ("classical music", "chamber music"), "Joseph Haydn"),
    Folder("johnson_j_r/", "Songs of the Americas", "lied", ("hymn",), "John Rosamond Johnson"),
    Folder("joplin/", "Joplin rags", "keyboard", ("ragtime", "piano music"), "Scott Joplin"),
    Folder("josquin/", "Josquin", "choir", ("renaissance music", "sacred music"), "Josquin des Prez"),
    Folder("leadSheet/", "Songs of the Americas", "song", ("popular song",)),
    Folder("liliuokalani/", "Songs of the Americas", "lied", ("popular song",), "Liliuokalani"),
    Folder("luca/", "Trecento", "choir", ("medieval music", "sacred music"), "D. Luca"),
    Folder("lusitano/", "Renaissance motets", "choir", ("renaissance music", "sacred music"), "Vicente Lusitano"),
    Folder("miscFolk/americanfife", "American fife tunes", "tune", ("folk music", "march")),
    Folder("miscFolk/", "Northumbrian minstrelsy", "tune", ("folk music",)),
    Folder("monteverdi/", "Monteverdi madrigals", "choir", ("madrigal", "renaissance music"), "Claudio Monteverdi"),
    Folder("mozart/", "Mozart string quartets", "quartet", ("classical music", "chamber music"), "Wolfgang Amadeus Mozart"),
    Folder("nottingham-dataset/", "Nottingham tunes", "tune", _DANCE),
    Folder("oneills1850/", "O'Neill's tunes", "tune", ("folk music", "Irish music")),
    Folder("palestrina/", "Palestrina masses", "choir", ("mass", "sacred music", "renaissance music"), "Giovanni Pierluigi da Palestrina"),
    Folder("ryansMammoth/", "Ryan's Mammoth fiddle tunes", "tune", (*_DANCE, "fiddle tune")),
    Folder("schoenberg/", "Schoenberg piano pieces", "keyboard", ("modern music", "piano music"), "Arnold Schoenberg"),
    Folder("schubert/", "Songs of the romantics", "lied", ("romantic music", "art song"), "Franz Schubert"),
    Folder("schumann_clara/opus17", "Romantic chamber music", "mixed", ("romantic music", "chamber music"), "Clara Schumann"),
    Folder("schumann_clara/", "Piano pieces", "keyboard", ("romantic music", "piano music"), "Clara Schumann"),
    Folder("schumann_robert/opus41no1", "Romantic chamber music", "quartet", ("romantic music", "chamber music"), "Robert Schumann"),
    Folder("schumann_robert/", "Songs of the romantics", "lied", ("romantic music", "art song"), "Robert Schumann"),
    Folder("theoryExercises/", "Exercises", "mixed", excluded=True),
    Folder("trecento/", "Trecento", "choir", ("medieval music",)),
    Folder("verdi/", "Opera", "mixed", ("romantic music",), "Giuseppe Verdi"),
    Folder("weber/", "Opera", "mixed", ("romantic music",), "Carl Maria von Weber"),
    Folder("webern/", "Modern chamber music", "mixed", ("modern music",), "Anton Webern"),
)  # fmt: skip


def folder_of(path: str) -> Folder:
    """The first entry whose prefix fits a path inside the corpus; unknown folders are excluded."""
    for folder in FOLDERS:
        if path.startswith(folder.prefix):
            return folder
    return Folder("", "Unknown", "mixed", excluded=True)
