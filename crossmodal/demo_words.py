"""Word vectors for the demo: one vector a word, made once from the sentence encoder and kept in word2vec's own format by gensim.

On a machine with a connection, any GloVe or word2vec file or gensim name takes their place:
`crossmodal train zero-shot-tagging --set towers.text.encoder.arguments.source=glove-wiki-gigaword-300`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from crossmodal.base.files import atomic_write
from pairs.vocabulary import CATEGORY_OF

COMMON = tuple(
    """
music song tune melody harmony rhythm sound tone voice voices singing singer choir chorus orchestra band instrument
strings violin viola cello bass fiddle guitar lute harp banjo mandolin piano keyboard organ harpsichord accordion
flute piccolo recorder oboe clarinet bassoon saxophone trumpet horn trombone tuba drums drum percussion bells
xylophone marimba timpani synthesizer electric acoustic solo duet trio quartet ensemble chamber symphony concerto
sonata mass hymn chorale psalm prayer church cathedral sacred holy secular court folk traditional popular classical
baroque renaissance medieval romantic modern jazz blues rock pop country ragtime march waltz minuet polka reel jig
hornpipe strathspey dance ballad lullaby air aria opera slow fast quick lively brisk rapid moderate calm peaceful
quiet soft gentle tender loud strong powerful majestic solemn serious sad sorrowful mournful melancholy gloomy dark
bright happy cheerful joyful merry playful energetic excited tense relaxed dreamy high low deep shrill major minor
simple complex sparse thin thick dense busy polyphonic homophonic monophonic counterpoint chord chords line bow
plucked struck blown echo echoing reverberant dry noisy clean muffled distant close room hall studio live recording
night morning spring winter sea river war love death child mother king angel god Irish Scottish Celtic English French
German Italian Chinese Spanish American village wedding tavern party festival procession funeral
""".split()  # noqa: SIM905 - a list of words is read as words
)


def demo_words() -> list[str]:
    """Single words: those of the tags (seen and unseen: a word vector says nothing of how music sounds) and common ones."""
    from_tags = [word for tag in CATEGORY_OF for word in tag.replace("-", " ").split()]
    return list(dict.fromkeys([*from_tags, *CATEGORY_OF.keys() & set(COMMON), *COMMON]))


def write_word_vectors(path: Path) -> Path:
    """Writes the table in word2vec's binary format unless it is there. (words, 384) unit vectors."""
    if path.exists():
        return path
    from gensim.models import KeyedVectors

    from encoders.sentences import Sentences

    encoder = Sentences().eval()
    words = demo_words()
    with torch.inference_mode():
        parts = [
            encoder(encoder.collate([encoder.prepare(w) for w in words[i : i + 64]])) for i in range(0, len(words), 64)
        ]
    vectors = torch.nn.functional.normalize(torch.cat(parts), dim=-1).numpy().astype(np.float32)
    table = KeyedVectors(vectors.shape[1])
    table.add_vectors(words, vectors)
    with atomic_write(path) as temporary:
        table.save_word2vec_format(str(temporary), binary=True)
    return path
