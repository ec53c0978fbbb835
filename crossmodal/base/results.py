"""Result models: the one definition of the JSON that the command line prints and the web API returns."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

JsonValue = str | int | float | bool | None


class Model(BaseModel):
    """Base of all result models: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid")


class Skipped(Model):
    """A file that was left out, and why."""

    path: str
    reason: str


class Query(Model):
    """What was asked: `text` for words, `path` for files."""

    modality: str
    text: str | None = None
    path: str | None = None


class Result(Model):
    """One ranked answer. `similarity`: larger is closer. `confidence`: calibrated, in [0, 1], where a calibration exists."""

    rank: int
    id: str | None = None
    path: str | None = None
    similarity: float
    confidence: float | None = None
    detail: dict[str, JsonValue | dict[str, float] | list[str]] = Field(default_factory=dict)


class Ranking(Model):
    """The envelope of everything that ranks: search, identify, match, similar, tag."""

    query: Query
    space: str
    abstained: bool = False
    results: list[Result] = Field(default_factory=list)
    skipped: list[Skipped] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)


class MatchRow(Model):
    """A row of the table that `match` writes. offset_seconds: from the recording's zero to the MIDI's; transposition_semitones: by which
    the MIDI has to be moved to be in the recording's key; aligned: the warped MIDI of the first answer.
    """

    query: str
    rank: int
    id: str
    path: str
    similarity: float
    confidence: float | None = None
    abstained: bool
    offset_seconds: float | None = None
    transposition_semitones: int | None = None
    aligned: str | None = None


class ScoreRow(Model):
    """One metric with its bootstrap interval (`low`, `high`), its chance level and the number of queries or classes `n`."""

    metric: str
    value: float
    low: float | None = None
    high: float | None = None
    chance: float | None = None
    n: int


class ScoreTable(Model):
    """What `evaluate` and `probe` print."""

    space: str
    data: str
    split: str
    seed: int
    rows: list[ScoreRow] = Field(default_factory=list)
    excluded: int = 0
    skipped: list[Skipped] = Field(default_factory=list)


class AlignRow(Model):
    """A moment of a recording and its place in a score. page, system: from 1; x, y: pixels of the page image, y of the system's
    middle; measure, beat (from 1): None where the score is of images.
    """

    audio_seconds: float
    page: int
    system: int
    x: float
    y: float
    measure: str | None = None
    beat: float | None = None


class FollowRow(AlignRow):
    """An update of a follower. latency_seconds: how far behind the newest sample the newest evidence lies, and the computing."""

    confidence: float
    latency_seconds: float


class ScorePlace(Model):
    """A place of a score, as in `AlignRow`."""

    page: int
    system: int
    x: float
    measure: str | None = None


class Repeat(Model):
    """A place where one may go on elsewhere. kind: "repeat" (back) and "skip" (ahead, over an ending) are written; "jump" is not.

    origin, destination: the last place before it and the first one after it; seconds: when it was taken, none when not played.
    """

    kind: str
    origin: ScorePlace
    destination: ScorePlace
    seconds: list[float] = Field(default_factory=list)


class AlignmentResult(Model):
    """What `align` prints. confidence: in [0, 1], that the recording is of the score; abstained: it is below the threshold."""

    recording: str
    score: str
    space: str
    confidence: float
    threshold: float
    abstained: bool
    repeats: list[Repeat] = Field(default_factory=list)
    rows: list[AlignRow] = Field(default_factory=list)
