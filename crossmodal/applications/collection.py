"""A searchable collection: an index together with the space that made it. Words, recordings or pictures in, a `Ranking` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crossmodal.applications.indexing import reference_of
from crossmodal.applications.track_indexing import makes_hashes
from crossmodal.applications.voices import NoVoiceError, of_voices, query_modality, sung_vector
from crossmodal.base.errors import InputError
from crossmodal.base.results import Query, Ranking, Result
from crossmodal.retrieval.filters import parse_filter
from crossmodal.retrieval.index import Hit, Index
from crossmodal.space import Space
from crossmodal.space_files import load_space


class SearchableIndex:
    """An opened index and its space."""

    def __init__(self, index: Index, space: Space) -> None:
        self.index, self.space = index, space

    @classmethod
    def open(cls, folder: Path, *, space: Space | None = None, device: str | None = None) -> SearchableIndex:
        """Opens an index and loads its space, or takes the given one.

        Raises InputError where there is no index, IntegrityError when the space is not the one that made it.
        """
        index = Index.open(folder)
        if not index.header.generation:
            raise InputError(
                f"{folder}: expected a finished index, got one whose first run was interrupted or found nothing usable; "
                "run 'crossmodal index' again"
            )
        if space is None:
            space = _space_of(index)
            space = space.to(device) if device else space.to_fastest()
        own = (
            index.header.space.dimension if makes_hashes(space) else None
        )  # the vectors of such an index are not the space's
        index.check_space(reference_of(space, own))
        return cls(index, space)

    def search(
        self,
        query: str | Path | NDArray[np.float32],
        *,
        modality: str | None = None,
        k: int = 10,
        filters: Sequence[str] = (),
    ) -> Ranking:
        """The k nearest items of a text (str), a file (Path; modality: default audio) or a vector (d,).

        filters: "column=value", all of which hold. Raises InputError.
        """
        if isinstance(query, np.ndarray):
            return self._rank(query, Query(modality=modality or "vector"), k, filters, [])
        return self.search_many(
            {modality or ("text" if isinstance(query, str) else "audio"): query}, k=k, filters=filters
        )

    def search_many(
        self,
        queries: Mapping[str, object],
        *,
        k: int = 10,
        filters: Sequence[str] = (),
        target: str | None = None,
        combine: bool = False,
        kind: str | None = None,
    ) -> Ranking:
        """As `search`, for {modality: query}. Several queries need `combine`: their vectors are added.

        target: only items of this modality; by default all, but for a picture, which finds recordings where there are any.
        kind: which of the space's kinds of recording an "audio" query is; in a space of voices it is heard where nobody says it, and
        a query in which nobody sings is abstained from.
        """
        check_queries(queries, combine=combine)
        if target is None and "audio" in self.index.header.modality.split("+") and list(queries) == ["image"]:
            target = "audio"  # a picture asks for the music that goes with it
        wanted = self._wanted(target, filters)
        warnings = self._warnings(queries)
        try:
            queries = self._kinds(queries, kind)
            vectors = [self.vector(modality, query) for modality, query in queries.items()]
        except NoVoiceError as error:
            asked = Query(modality="+".join(queries), path=str(queries.get("audio", "")) or None)
            return Ranking(query=asked, space=self.space.reference, abstained=True, warnings=[str(error)])
        asked = Query(modality="+".join(queries))
        for modality, value in queries.items():
            asked = asked.model_copy(update={"text" if modality == "text" else "path": str(value)})
        answer = self._rank(np.sum(vectors, axis=0), asked, k, wanted, warnings)
        if not answer.results and target and not filters:
            warnings.append(f"this index holds no {target}: none was found when it was made")
        return answer.model_copy(update={"warnings": warnings})

    def search_texts(
        self, texts: Sequence[str], *, k: int = 10, filters: Sequence[str] = (), target: str | None = None
    ) -> list[Ranking]:
        """As `search_many` for each of several texts, all encoded and looked up at once."""
        for text in texts:
            check_queries({"text": text})
        wanted = self._wanted(target, filters)
        vectors = np.asarray(self.space.encode("text", texts), np.float32)
        hits = self.index.search(self.space.fold(vectors), k=k, where=[parse_filter(f) for f in wanted])
        return [
            self._ranking(Query(modality="text", text=text), found, self._warnings({"text": text}))
            for text, found in zip(texts, hits, strict=True)
        ]

    def _wanted(self, target: str | None, filters: Sequence[str]) -> Sequence[str]:
        """The filters, and that of the modality where the index holds several."""
        held = self.index.header.modality.split("+")
        if target and target not in held:
            raise InputError(f"--target: expected {' or '.join(held)}, which this index holds, got {target}")
        return [*filters, f"modality={target}"] if target and len(held) > 1 else filters

    def _warnings(self, queries: Mapping[str, object]) -> list[str]:
        unknown = self.space.unknown_words(str(queries["text"])) if "text" in queries else []
        return [f"unknown to the text tower: {', '.join(unknown)}"] if unknown else []

    def _kinds(self, queries: Mapping[str, object], kind: str | None) -> Mapping[str, object]:
        """The queries by towers of the space: "audio" becomes the kind of recording that it is."""
        known = self.space.embedding.recordings
        if kind is not None and kind not in known:
            raise InputError(f"--modality: expected {' or '.join(known)}, which {self.space.name} knows, got {kind}")
        if "audio" not in queries or (kind is None and (not of_voices(self.space) or "audio" in known)):
            return queries
        kind = kind or query_modality(self.space, Path(str(queries["audio"])))
        return {kind if modality == "audio" else modality: query for modality, query in queries.items()}

    def vector(self, modality: str, query: object) -> NDArray[np.float32]:
        """(d,) of one query: in a space of voices, of what is sung in it."""
        if of_voices(self.space) and modality in self.space.embedding.recordings:
            return sung_vector(self.space, modality, Path(str(query)))
        return np.asarray(self.space.encode(modality, [query])[0], np.float32)

    def _rank(
        self, vector: NDArray[np.float32], asked: Query, k: int, filters: Sequence[str], warnings: list[str]
    ) -> Ranking:
        length = float(np.linalg.norm(vector))
        unit = vector / length if length > 0 else vector
        hits = self.index.search(self.space.fold(unit[None]), k=k, where=[parse_filter(f) for f in filters])[0]
        return self._ranking(asked, hits, warnings)

    def _ranking(self, asked: Query, hits: Sequence[Hit], warnings: list[str]) -> Ranking:
        results = [result_of(rank, hit) for rank, hit in enumerate(hits, 1)]
        return Ranking(query=asked, space=self.space.reference, results=results, warnings=warnings)


def check_queries(queries: Mapping[str, object], *, combine: bool = False) -> None:
    """What can be said of {modality: query} before anything is loaded. Raises InputError."""
    if not queries:
        raise InputError("expected a query, got none; give TEXT, --audio F, --image F or --midi F")
    if len(queries) > 1 and not combine:
        raise InputError(
            f"expected exactly one kind of query, got {', '.join(queries)}; add --combine to use them together"
        )
    if "text" in queries and not str(queries["text"]).strip():
        raise InputError("expected words to search for, got an empty text; give TEXT, or - for stdin")


def result_of(rank: int, hit: Hit) -> Result:
    """A hit as it is shown."""
    detail: dict[str, object] = {
        k: v for k, v in hit.item.fields.items() if k in {"title", "artist", "album", "tags"} and v
    }
    if hit.copies:
        detail["copies"] = list(hit.copies)
    similarity = round(hit.similarity, 6)
    return Result.model_validate(
        {"rank": rank, "id": hit.item.id, "path": hit.item.path, "similarity": similarity, "detail": detail}
    )


def _space_of(index: Index) -> Space:
    """By the place that the header names, or by its name where the space was moved or installed elsewhere."""
    reference = index.header.space
    for name in (reference.location, reference.name):
        if Path(name).is_dir() or "/" not in name or not Path(name).is_absolute():
            try:
                return load_space(name)
            except InputError:
                continue
    raise InputError(
        f"{index.folder}: expected its space {reference.name} at {reference.location}, found none; put it back, or index again"
    )
