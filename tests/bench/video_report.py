"""The words of docs/video.md around measured figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.bench import performance_report as report
from tests.bench.clips import FPS, QUALITIES
from tests.bench.tracked import SMALLEST, Result

TARGET_COVERED, TARGET_SPOILT, TARGET_MOVED = 0.995, 0.02, 0.02

KINDS = {
    "pan": "the camera pans; faces come in and go out at the edges",
    "zoom": "it zooms in and out",
    "rotation": "it rolls by 25 degrees to either side",
    "shake": "it is held by hand",
    "blur": "it pans and shakes, and the shutter is open for half of the time",
    "hidden": "something stands before each face for a second",
    "crossing": "two faces cross, one before the other",
    "entering": "faces come in at three edges, and leave",
}


LEGEND = """*Covered*: the share of sights, a face in a frame, whose box lies to 80 % under masks. *Appearances spoilt*:
of the uninterrupted sights of one face, those with any uncovered frame. *Late*: uncovered frames more than 0.1 s
after a face came into sight. *Moves, resizes*: the mean change of a mask's centre and size from one frame to the next,
in sides of the face, without what the face itself did. *Needless*: masks over no annotated face."""


@dataclass(frozen=True)
class Subject:
    """A way to mask, and what was measured. seconds: of CPU, for decoding and searching all frames, if that was."""

    name: str
    total: Result
    by_kind: Mapping[str, Result]
    by_quality: Mapping[int, Result]
    seconds: float | None


def page(subjects: Sequence[Subject], default: tuple[Subject, Subject], how: str) -> str:
    """Word all tables. default: each frame alone, and tracks, with the default model."""
    alone, linked = default
    total = linked.total
    beginning = (
        f"Measured {how} of {total.frames // len(linked.by_quality) // FPS} s of video, in H.264 with crf"
        f" {' and '.join(map(str, QUALITIES))}: {len(total.covered)} sights of faces from {SMALLEST} pixels on, in"
        f" {len(total.appearances)} appearances. The search is `balanced`, in int8, of every frame unless it says"
        " otherwise."
    )
    head = ["", "covered", "appearances spoilt", "late", "moves", "resizes", "needless masks a frame", "CPU ms a frame"]
    kinds = [_kind_row(kind, alone, linked) for kind in KINDS if kind in linked.by_kind]
    qualities = [[str(crf), *_pair(alone.by_quality[crf], linked.by_quality[crf])] for crf in linked.by_quality]
    parts = [
        beginning,
        report.table(head, [_row(subject) for subject in subjects]),
        LEGEND,
        _verdict(linked),
        f"### By what moves\n\n{linked.name}; in brackets each frame alone.",
        report.table(["", "what happens", "sights", "covered", "appearances spoilt", "late"], kinds),
        "### By quality",
        report.table(["crf", "covered", "appearances spoilt"], qualities),
    ]
    return "\n\n".join(parts)


def _row(subject: Subject) -> list[str]:
    total = subject.total
    cost = "" if subject.seconds is None else f"{1000 * subject.seconds / total.frames:.0f}"
    moves = [_mean(total.places), _mean(total.sizes)]
    return [
        subject.name,
        f"{total.share:.4f}",
        f"{total.spoilt:.1%}",
        str(total.late),
        *moves,
        f"{total.needless / total.frames:.2f}",
        cost,
    ]


def _mean(changes: Sequence[float]) -> str:
    return f"{sum(changes) / len(changes):.2%}" if changes else ""


def _verdict(linked: Subject) -> str:
    total = linked.total
    kept = [
        (total.share >= TARGET_COVERED, f"covered {total.share:.4f}, the aim is {TARGET_COVERED}"),
        (total.spoilt <= TARGET_SPOILT, f"{total.spoilt:.1%} of appearances spoilt, the aim is {TARGET_SPOILT:.0%}"),
        (
            max(sum(total.places), sum(total.sizes)) / max(1, len(total.places)) <= TARGET_MOVED,
            f"masks move by {_mean(total.places)} and resize by {_mean(total.sizes)}, the aim is {TARGET_MOVED:.0%}",
        ),
    ]
    lines = [f"- {'Met' if met else '**Missed**'}: {text}." for met, text in kept]
    if total.unseen:
        seen = total.covered.count(True) / (len(total.covered) - total.unseen)
        lines.append(
            f"- {total.unseen} sights are of faces that are covered in no frame of their file: where the search finds"
            f" nothing, a track can't begin. Of all others {seen:.4f} are covered."
        )
    return "\n".join(lines)


def _kind_row(kind: str, alone: Subject, linked: Subject) -> list[str]:
    before, after = alone.by_kind[kind], linked.by_kind[kind]
    return [kind, KINDS[kind], str(len(after.covered)), *_pair(before, after), f"{after.late} ({before.late})"]


def _pair(alone: Result, linked: Result) -> list[str]:
    return [f"{linked.share:.4f} ({alone.share:.4f})", f"{linked.spoilt:.1%} ({alone.spoilt:.1%})"]
