"""What the API answers besides the models of the command line (`crossmodal.base.results`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from crossmodal.base.results import JsonValue, Model, Ranking


class Problem(Model):
    """Why something was not done: what was expected, what came, and the remedy."""

    error: str


class Health(Model):
    """Whether the server runs and, in `ready`, has opened its indexes; problems: indexes that could not be opened, and why."""

    ready: bool
    indexes: int
    problems: list[str] = Field(default_factory=list)


class IndexInfo(Model):
    """An opened index. asks: what may be sent to `search`; can: what else it answers ("identify", "match", "tags", "map", "features").

    generation counts its commits; columns: that items may be filtered and coloured by; dimension: of its vectors; facets: that `similar`
    takes weights of.
    """

    name: str
    space: str
    items: int
    modalities: list[str]
    asks: list[str]
    can: list[str]
    generation: int
    dimension: int
    columns: list[str]
    title: str
    facets: list[str] = Field(default_factory=list)


class TagScore(Model):
    """A word and how much better it fits than it fits music in general, in [-1, 1]."""

    tag: str
    similarity: float


class ItemInfo(Model):
    """An indexed file. seconds: its length where known; has_pages: it is a score; has_cover: there is a picture of it, or may
    be one in the recording's own file, which is not looked into until it is asked for.
    """

    id: str
    modality: str
    title: str
    seconds: float | None = None
    has_audio: bool
    has_cover: bool
    has_pages: bool
    fields: dict[str, JsonValue | list[str]] = Field(default_factory=dict)
    tags: list[TagScore] = Field(default_factory=list)


class Waveform(Model):
    """peaks: the largest magnitude in each of equally long stretches, in [0, 1]."""

    seconds: float
    peaks: list[float]


class Places(Model):
    """Every item's place on a map, in [0, 1] x [0, 1]. method: "t-SNE" or "PCA"."""

    method: str
    ids: list[str]
    titles: list[str]
    modalities: list[str]
    x: list[float]
    y: list[float]


class Colours(Model):
    """A value for each item of the map, in its order: `values` in [-1, 1] of a tag, or `groups`, rows of `names` (-1: none)."""

    by: str
    values: list[float] | None = None
    groups: list[int] | None = None
    names: list[str] | None = None


class Excited(Model):
    """A clip that excites a feature or fits a tag: seconds, its middle, where the item is a recording."""

    id: str
    title: str
    value: float
    seconds: float | None = None


class Excitement(Model):
    """The clips that excite `by` most, best first."""

    by: str
    clips: list[Excited]


class PageList(Model):
    """The pages of a score: width and height of each, in pixels."""

    sizes: list[tuple[int, int]]


class Roll(Model):
    """A MIDI file over a recording. notes: (onset, end) in seconds of the recording and pitch in the recording's key; frames: constant-Q,
    `bins` bytes each, base64; frame n lies at n / frames_per_second + first_seconds; pitch: of the lowest bin, a semitone each.
    """

    id: str
    seconds: float
    transposition_semitones: int
    notes: list[tuple[float, float, int]]
    frames: str
    bins: int
    frames_per_second: float
    first_seconds: float
    pitch: int


class MatchView(Model):
    """The answer of `match`, and the first answer laid along the query where one was found."""

    ranking: Ranking
    roll: Roll | None = None


class Job(Model):
    """A long piece of work. step: what it does; progress: in [0, 1]; error: why it failed."""

    id: str
    state: Literal["waiting", "running", "done", "failed", "cancelled"]
    step: str
    progress: float
    error: str | None = None
