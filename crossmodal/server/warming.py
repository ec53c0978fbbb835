"""What the first question would otherwise wait for: kernels that numba compiles, a vocabulary's vectors, the text tower's first pass."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np

from crossmodal.applications.identification import align
from crossmodal.applications.midi_query import Query as Tune
from crossmodal.applications.queries import Query
from crossmodal.base.errors import CrossmodalError

if TYPE_CHECKING:
    from crossmodal.server.library import Opened

_LOG = logging.getLogger("crossmodal.server")
_VECTORS = 40  # of an item, that are laid along themselves


def warm(opened: Opened) -> None:
    """Asks an index once what can be asked of it, with what it holds. What goes wrong is left to whoever asks first."""
    try:
        if "text" in opened.info.asks:
            opened.searchable.search_texts(["music"], k=1)
        if "tags" in opened.info.can:
            _ = opened.tagger
        if "identify" in opened.info.can:
            vectors = np.asarray(opened.index.vectors_of(0)[:_VECTORS], np.float32)
            count = len(vectors)
            align(
                Query("audio", vectors, np.arange(count, dtype=float), np.ones(count, np.float32), (0, count)), vectors
            )
        if "match" in opened.info.can:
            _match(opened)
    except CrossmodalError as error:
        _LOG.warning("%s: %s", opened.name, error)


def _match(opened: Opened) -> None:
    matcher, item = opened.matcher, opened.index.items[0]
    kind = str(matcher.kinds[0])
    query = Tune(kind, matcher.store.frames(item.sha256))
    own = np.arange(len(opened.index.items)) == 0
    candidates = matcher.rank(query, own, keys=(0,))
    matcher.measure(query, candidates)
