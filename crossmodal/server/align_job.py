"""One alignment in a process of its own: it may take minutes, be cancelled, or die, and the server goes on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from crossmodal.base.files import atomic_write, write_json

STEPS = ("starting", "loading the space", "reading the score", "listening", "aligning", "drawing the pages", "done")


def align(item: Mapping[str, object], folder: Path) -> dict[str, object]:
    """item: recording, score (paths), space (its location), name (of what is written), shown_recording, shown_score. Writes
    NAME.html, the page of the alignment, NAME.json, an `AlignmentResult`, and NAME.step, how far it is.
    """
    name = str(item["name"])

    def tell(step: str) -> None:
        write_json(folder / f"{name}.step", {"step": step, "progress": STEPS.index(step) / (len(STEPS) - 1)})

    tell("loading the space")
    from crossmodal.applications.score_alignment import ALIGN, align_vectors, check_systems
    from crossmodal.applications.score_listening import check_score_path, listen
    from crossmodal.applications.score_view import write_alignment_page
    from crossmodal.applications.scores import read_score, score_vectors
    from crossmodal.base.workers import limit_memory
    from crossmodal.calibration import load_calibration
    from crossmodal.server.caged import MEMORY_BYTES
    from crossmodal.space_files import load_space

    space = load_space(str(item["space"]))
    limit_memory(MEMORY_BYTES)  # what is loaded until now does not count
    tell("reading the score")
    path = Path(str(item["score"]))
    check_score_path(path)
    score = read_score(path)
    check_systems(score)
    tell("listening")
    heard = listen(space, str(item["recording"]))
    tell("aligning")
    made = align_vectors(
        heard, score, score_vectors(space, score.strips), recording=str(item["recording"]), space=space.reference,
        calibration=load_calibration(space.location, "align", ALIGN),
    )  # fmt: skip
    tell("drawing the pages")
    title = f"{Path(str(item['shown_recording'])).stem} – {item['shown_score']}"
    write_alignment_page(made, folder / f"{name}.html", title=title)
    told = {"recording": str(item["shown_recording"]), "score": str(item["shown_score"])}
    with atomic_write(folder / f"{name}.json") as temporary:
        temporary.write_text(made.result.model_copy(update=told).model_dump_json(), encoding="utf-8")
    tell("done")
    return {"name": name}
