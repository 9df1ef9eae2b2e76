"""The clips of `make bench-video`: what is said to be true of a frame is what it shows; and how masks are judged."""

from pathlib import Path

import av
import numpy as np
import pytest

from tests.bench import clips, moves
from tests.bench.clips import HEIGHT, WIDTH, Clip, Truth, Values
from tests.bench.moves import Still
from tests.bench.tracked import Masks, Result

MARK = (20, 20, 240)


def still(box: tuple[int, int, int, int] = (400, 300, 480, 400)) -> Still:
    """Return a grey picture whose face is a coloured ellipse."""
    pixels = np.full((768, 1024, 3), 90, np.uint8)
    y, x = np.mgrid[:768, :1024] + 0.5
    left, top, right, bottom = box
    across, down = (2 * x - left - right) / (right - left), (2 * y - top - bottom) / (bottom - top)
    pixels[across**2 + down**2 <= 1] = MARK
    return Still("drawn", pixels, np.array([box], float), np.zeros((0, 4)))


def shown(clip: Clip, number: int) -> Values | None:
    """Return where the coloured ellipse is in a frame."""
    rows, columns = np.nonzero(np.abs(clips.frame(clip, number).astype(int) - MARK).max(axis=2) < 75)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]) if len(rows) > 500 else None


@pytest.mark.parametrize("kind", moves.CAMERAS)
def test_truth_is_where_the_face_is_shown(kind: str) -> None:
    clip = moves.moved(still(), kind)
    for number in (0, 17, 40, clip.frames - 1):
        truth = clips.truth(clip, number / clips.FPS)
        there = shown(clip, number)
        assert (there is not None) == bool(truth.visible[0] > 0)
        # A shutter that is open for long smears the edges.
        assert there is None or np.abs(there - truth.boxes[0]).max() <= (8 if clip.blurred else 2)


def test_hidden_face_comes_back_after_a_second() -> None:
    clip = moves.hiding(still())
    visible = [truth.visible[0] > 0.5 for truth in clips.truths(clip)]
    assert visible.count(False) == clips.FPS and visible[0] and visible[-1]
    assert all((shown(clip, number) is not None) == visible[number] for number in (5, 25, 55))


def test_crossing_faces_hide_each_other() -> None:
    clip = moves.crossing([still(), still()], "drawn")
    visible = np.array([truth.visible for truth in clips.truths(clip)])
    assert visible[:, 0].min() < 0.5 and visible[:, 1].min() == 1 and visible[-1].min() == 1


def test_entering_faces_are_outside_at_first() -> None:
    visible = np.array([truth.visible for truth in clips.truths(moves.entering([still()] * 3, "drawn"))])
    assert (visible[0] == 0).all() and (visible.max(axis=0) == 1).all() and visible[-1, 0] == 0


def test_file_holds_every_frame(tmp_path: Path) -> None:
    clip = moves.moved(still(), "pan")
    clips.write(clip, tmp_path / "clip.mp4", clips.QUALITIES[0])
    with av.open(str(tmp_path / "clip.mp4")) as container:
        frames = list(container.decode(video=0))
    assert len(frames) == clip.frames and (frames[0].width, frames[0].height) == (WIDTH, HEIGHT)


def truths(count: int, step: float = 4) -> list[Truth]:
    """Return the truth about one face that moves to the right."""
    boxes = [np.array([[100 + step * number, 100, 180 + step * number, 180.0]]) for number in range(count)]
    return [Truth(box, np.ones(1), np.zeros((0, 4))) for box in boxes]


def judged(there: list[Truth], masks: list[Masks]) -> Result:
    result = Result()
    result.add(there, masks)
    return result


def test_one_uncovered_frame_spoils_an_appearance() -> None:
    there = truths(20)
    masks = [Masks(truth.boxes) for truth in there]
    assert judged(there, masks).spoilt == 0 and judged(there, masks).share == 1
    masks[7] = Masks(np.zeros((0, 4)))
    result = judged(there, masks)
    assert result.spoilt == 1 and result.share == 0.95 and result.late == 1


def test_face_that_is_never_covered_is_unseen() -> None:
    none = Masks(np.zeros((0, 4)))
    assert judged(truths(20), [none] * 20).unseen == 20
    assert judged(truths(20), [none] * 19 + [Masks(truths(20)[19].boxes)]).unseen == 0


def test_small_and_hidden_faces_do_not_count() -> None:
    box, none = np.array([[0, 0, 80, 80.0]]), np.zeros((0, 4))
    there = [Truth(box, np.array([0.4]), none), Truth(box / 4, np.ones(1), none)]
    result = judged(there, [Masks(none)] * 2)
    assert result.covered == [] and result.appearances == []


def test_mask_that_follows_or_stands_still_makes_no_change_of_its_own() -> None:
    there = truths(10)
    wide = Masks(np.array([[0, 0, 400, 400.0]]))
    assert sum(judged(there, [Masks(truth.boxes) for truth in there]).places) == 0
    assert sum(judged(there, [wide] * 10).places + judged(there, [wide] * 10).sizes) == 0


def test_mask_that_trembles_makes_a_change_of_its_own() -> None:
    there = truths(10)
    down = np.array([0, 8, 0, 8])
    masks = [Masks(truth.boxes + number % 2 * down) for number, truth in enumerate(there)]
    assert np.mean(judged(there, masks).places) == pytest.approx(8 / 80)


def test_mask_over_nothing_is_needless() -> None:
    there = truths(4)
    masks = [Masks(np.vstack([truth.boxes, [[600, 300, 700, 400]]])) for truth in there]
    assert judged(there, masks).needless == 4


def test_oval_leaves_the_corners() -> None:
    box = np.array([100, 100, 180, 180.0])
    assert Masks(box[None], oval=True).share_covered(box) == pytest.approx(np.pi / 4, abs=0.09)
