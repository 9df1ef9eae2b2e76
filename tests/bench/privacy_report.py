"""The words of docs/privacy.md around measured figures."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.contract.options import Doubtful, Method
from core.vision import doubts, fusion, regions
from core.vision.detector import OnnxDetector
from core.vision.doubts import DoubtLimits
from tests.bench import covered, doubt_limits
from tests.bench.average_precision import OPTIONS, Precision
from tests.bench.covered import Coverage
from tests.bench.recall import PIXELS, SHARES, Recall
from tests.bench.recognition import Figures
from tests.bench.scenes import NOTHING, SAME
from tests.bench.second_looks import DETAIL, Looks

# Counted by eye; a needless mask is drawn whether its face was sure or doubtful.
JUDGED = """Not all of them are false: 120 needless masks of `scrfd_2.5g`, drawn by chance and looked at one by one,
were 41 faces that nobody annotated, 18 backs of heads, hair and hats, 6 dolls, prints and animals, 30 without anything
of a head (hands, instruments, uniforms, flowers), and 25 too blurred to tell. So about half of them mask a person's
head, and between three and five of ten mask none. Most are in few pictures: a tenth of the pictures has six of ten of
them, half of the pictures have none."""


@dataclass(frozen=True)
class Row:
    """One mask, how its pictures were treated, and what came of it."""

    mask: str
    case: str
    figures: Figures


@dataclass(frozen=True)
class Covering:
    """The limits of a model, what the default mask then covers, and the CPU seconds of its search of a picture.

    crossed: what it covers in pictures that its limits were not derived from.
    """

    limits: DoubtLimits
    coverage: Mapping[Doubtful, Coverage]
    crossed: Coverage
    seconds: float


def beginning(models: list[str], pictures: int, faces: int) -> str:
    return f"""# Recall and masks, measured

`make bench-privacy` writes this page; nothing in it is typed by hand. Models at hand: {", ".join(models)}.

Pictures: {pictures} of WIDER FACE's validation set, crowded ones, evenly spaced, with {faces} faces of its `hard`
subset; and portraits of known people. Their licences keep them, and cut-outs of them, out of this repository: the
command writes the largest faces that were missed to `build/privacy`.

![Recall by the size of the face, and against CPU time](recall.svg)
"""


def recalls(reported: Mapping[tuple[str, str], Recall]) -> str:
    """Word what was found."""
    overall = [
        [
            f"`{name}`",
            detail,
            _share(sum(one.found) / len(one.found)),
            f"{sum(one.nothing) / len(one.nothing):.2f}",
            f"{1000 * sum(one.seconds) / len(one.seconds):.0f}",
        ]
        for (name, detail), one in reported.items()
    ]
    return f"""## Recall

Confidence 0.5. A face is found where a box overlaps the annotated one with an IoU of {SAME}. A false mask is a box
that overlaps no annotated face by {NOTHING}; some of those are faces that nobody annotated. Time is CPU time of one
thread.

{_table(["model", "detail", "recall", "false masks a picture", "ms a picture"], overall)}

By the longer side of the face, in pixels (the number of faces in brackets):

{_by(reported, "sides", PIXELS, [f"{low}" for low in PIXELS])}

By its share of the longer side of the picture:

{_by(reported, "shares", SHARES, [f"{low:.0%}" for low in SHARES])}
"""


def coverage(reported: Mapping[str, Covering]) -> str:
    """Word what the default mask covers."""
    first = next(iter(reported.values())).coverage["mask"]
    sizes = [size for size, _ in first.by_side()]
    ranges = [f"from {low} px ({size})" for low, size in zip(covered.SIDES, sizes, strict=True)]
    by_side = [
        [f"`{name}`", doubtful, *(_share(share) for _, share in one.by_side())]
        for name, covering in reported.items()
        for doubtful, one in covering.coverage.items()
    ]
    head = ["model", "covered of hard faces", f"of faces from {covered.LARGE} px", "needless masks a picture"]
    head += [f"with < {covered.FEW} faces", "ms a picture"]
    before_after = [
        [f"`{name}`", *_before_after(covering.coverage), f"{1000 * covering.seconds:.0f}"]
        for name, covering in reported.items()
    ]
    crossed = [[f"`{name}`", *_figures_of(covering.crossed)] for name, covering in reported.items()]
    least, most = doubt_limits.FACE[0], doubt_limits.FACE[-1]
    common = zip(*fusion.COMMON_SUPPORT, strict=True)
    return f"""## What the default mask covers

`/mask` without options (`balanced`) in all {len(first.needless)} pictures that have annotated faces (in one more, of
hundreds of people, nobody annotated any): with `doubtful=leave` → with doubtful faces masked, the default. A face is
covered where the found boxes, grown by the padding of {covered.OPTIONS.padding}, hold {covered.COVERED:.0%} of its
annotated box. A needless mask overlaps no annotated face by {NOTHING}. Time is CPU time of the search, one thread.

{_table(head, before_after)}

{JUDGED}

By the longer side of the face:

{_table(["model", "`doubtful`", *ranges], by_side)}

### Limits of doubtful faces

By the longer side. They are derived from these pictures, and are those of `weights/manifest.toml`: the limits that
never rise with the size, nor from pictures with few sure faces to crowds, with the best exchange of needless masks for
covered faces. One more hard face is worth {least} needless masks, or as many more, up to {most}, as it takes to cover
{doubt_limits.SOUGHT:.0%} of them; one from {covered.LARGE} pixels on is worth {doubt_limits.LARGE_FACE}; in a picture
with fewer than {covered.FEW} faces a needless mask counts as {doubt_limits.IN_FEW}. From {covered.LARGE} pixels on no
limit is above {doubt_limits.HIGHEST_LARGE}, and each goes down, to {doubt_limits.LOWEST_LARGE} at least, as far as that
costs no needless mask.

A limit is compared with the confidence; of a face below {doubts.COUNTED_PX} pixels with confidence × √support, where
support is how many boxes a pass has put where the face is, each counted by its score, as a share of what is common for
its size on the input: {", ".join(f"{total} at {side} px" for side, total in common)}. Where there is a face, many
boxes agree.

{_limits(reported)}

In the very pictures that they are derived from, limits look better than they are. Derived from every second picture,
in the others:

{_table(head[:-1], crossed)}
"""


def _before_after(by_doubtful: Mapping[Doubtful, Coverage]) -> list[str]:
    both = (_figures_of(by_doubtful[doubtful]) for doubtful in ("leave", "mask"))
    return [f"{before} → {after}" for before, after in zip(*both, strict=True)]


def _figures_of(one: Coverage) -> list[str]:
    needless = (one.needless_a_picture(), one.needless_a_picture(covered.FEW))
    return [_share(one.of_hard()), _share(one.of_large()), *(f"{masks:.2f}" for masks in needless)]


def _limits(reported: Mapping[str, Covering]) -> str:
    sides = doubt_limits.SIDES
    classes = [f"below {sides[0]} px", *(f"from {low} px" for low in sides)]
    rows = [
        [f"`{name}`", case, *(f"{limit:g}" for limit in values)]
        for name, covering in reported.items()
        for case, values in (
            ("few sure faces", covering.limits.few),
            (f"{doubts.CROWD} or more", covering.limits.crowd),
        )
    ]
    return _table(["model", "picture", *classes], rows)


def precisions(reported: Mapping[str, list[tuple[OnnxDetector, Precision]]]) -> str:
    """Word the average precision."""
    head = ["model", "precision", "easy", "medium", "hard", "recall of hard faces at 0.5", "a box moves by"]
    rows = [
        [
            f"`{name}`",
            version.precision,
            *(_share(one) for one in found.ap),
            _share(found.recall),
            "" if found.moved is None else f"{found.moved:.1%}",
        ]
        for name, versions in reported.items()
        for version, found in versions
    ]
    return f"""## Average precision

All pictures, `detail={OPTIONS.detail}`, confidence {OPTIONS.confidence}, NMS {OPTIONS.nms_threshold}, WIDER FACE's
protocol. A sure box of fp32 moves by the largest shift of its edges, in shares of its longer side; the median.

{_table(head, rows)}
"""


def privacy(model: str, portraits: int, rows: list[Row], by_side: list[Row]) -> str:
    """Word what masks leave."""
    return f"""## What a mask leaves

{portraits} portraits, masked. *Found again*: the share in which `{model}` still detects the face. *Clean*: how well
a recogniser (MobileFaceNet) tells whether a masked and a clear picture show one person, as AUC; 0.5 is chance.
*Parrot*: the same where both are masked alike, by an attacker who knows the method. There are few pairs: differences
under 0.08 are none. Sought: 0 found again, clean at most 0.60, parrot at most 0.70. Black boxes leave what is around
the face, so no mask of that size goes reliably below them.

The floor: at most {regions.MAX_CELLS} cells across the longer side of the region, an odd number, or a kernel of at
least {regions.MIN_KERNEL} times that side. "Weak masks allowed" is strength 199 without a floor.

{_table(["mask", "picture", "found again", "clean", "parrot", "as sought"], map(_figures, rows))}

By the longer side of the face in pixels, after JPEG 95:

{_table(["mask", "side", "found again", "clean", "parrot", "as sought"], map(_figures, by_side))}
"""


def second_looks(model: str, reported: Mapping[Method, Looks]) -> str:
    """Word what verification found and cost."""
    rows = [
        [
            f"`{method}`",
            str(one.faces),
            str(one.again - one.missed),
            str(one.missed),
            str(one.refused),
            f"{one.seconds / one.without_s:.2f}",
        ]
        for method, one in reported.items()
    ]
    pictures = next(iter(reported.values())).pictures
    head = ["method", "faces masked", "found again under a mask", "found anew", "refused", "CPU time, of that without"]
    return f"""## Verification

`{model}`, detail {DETAIL}, default strength, {pictures} pictures from the file to the encoded result.

{_table(head, rows)}
"""


def _by(reported: Mapping[tuple[str, str], Recall], values: str, bounds: tuple[float, ...], names: list[str]) -> str:
    counts = [
        size for size, _ in next(iter(reported.values())).by(getattr(next(iter(reported.values())), values), bounds)
    ]
    head = ["model", "detail", *(f"from {name} ({count})" for name, count in zip(names, counts, strict=True))]
    rows = [
        [f"`{name}`", detail, *(_share(share) for _, share in one.by(getattr(one, values), bounds))]
        for (name, detail), one in reported.items()
    ]
    return _table(head, rows)


def _figures(row: Row) -> list[str]:
    found = row.figures
    sought = "yes" if found.passes else "no"
    return [row.mask, row.case, f"{found.redetected:.0%}", f"{found.clean:.2f}", f"{found.parrot:.2f}", sought]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"


def _table(head: list[str], rows: Iterable[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
