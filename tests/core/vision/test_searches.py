"""Searches and passes: what is looked at, and that coordinates come back from every way of looking."""

import itertools
import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from core.contract.options import Detail
from core.contract.reports import PassReport, Timings
from core.vision import passes, scales, searches, tiles
from core.vision.candidates import Candidates
from core.vision.passes import BlobMemory, PassResult, Runner, View
from core.vision.searches import Search

Pixels = NDArray[np.uint8]
FACE = (60, 30, 100, 90)
LEFT, RIGHT = (70, 45), (90, 45)


class Bright:
    """A family whose only face is what is bright; its eyes are the reddest and the greenest pixel of it."""

    outputs, cell, takes_pixels, any_shape = 1, 32, False, True

    def blob(self, canvas: Pixels, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        return canvas.astype(np.float32)

    def run(self, blob: NDArray[np.float32]) -> Sequence[NDArray[np.float32]]:
        return [blob]

    def decode(self, outputs: Sequence[NDArray[np.float32]], width: int, least: float) -> Candidates:
        canvas = outputs[0]
        y, x = np.nonzero(canvas[..., 0] > 120)
        if not len(x):
            return Candidates(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros((0, 5, 2), np.float32))
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
        # Seen in a mirror, the eye that was left is the right one: a network tells by place, not by colour.
        eyes = sorted((_middle(canvas, channel) for channel in (2, 1)), key=lambda eye: eye[0])
        points = np.array([[*eyes, *[box[0, :2]] * 3]], np.float32)
        return Candidates(box, np.array([0.9], np.float32), points)

    def has_landmarks(self, outputs: int) -> bool:
        return True


def _middle(canvas: NDArray[np.float32], channel: int) -> tuple[float, float]:
    y, x = np.nonzero(canvas[..., channel] > 120)
    return float(x.mean() + 0.5), float(y.mean() + 0.5)


def picture() -> Pixels:
    """A black picture with one face in blue, its left eye red, its right one green."""
    pixels = np.zeros((120, 200, 3), np.uint8)
    pixels[FACE[1] : FACE[3], FACE[0] : FACE[2], 0] = 255
    for (x, y), channel in ((LEFT, 2), (RIGHT, 1)):
        pixels[y - 4 : y + 4, x - 4 : x + 4, channel] = 255
    return pixels


def seen(view: View) -> Candidates:
    family = Bright()
    return Runner(family, family).infer(picture(), view, 0.5).candidates  # type: ignore[arg-type]  # a network, too


AREAS = st.sampled_from([None, (0, 0, 200, 120), (10, 5, 190, 115), (40, 20, 130, 110)])


@given(st.sampled_from([320, 640, 800]), AREAS, st.integers(0, 3), st.booleans())
def test_box_comes_back_from_every_view(
    size: int, area: tuple[int, int, int, int] | None, rot90: int, mirrored: bool
) -> None:
    found = seen(View("x", size, area, rot90, mirrored))
    assert found.boxes[0].tolist() == pytest.approx(FACE, abs=1)


def test_eyes_stay_left_and_right_in_a_mirror() -> None:
    for mirrored in (False, True):
        points = seen(View("x", 640, mirrored=mirrored)).landmarks
        assert points is not None
        assert points[0, 0].tolist() == pytest.approx(LEFT, abs=1)
        assert points[0, 1].tolist() == pytest.approx(RIGHT, abs=1)


def test_eyes_come_back_from_a_turn() -> None:
    points = seen(View("x", 640, rot90=2)).landmarks
    assert points is not None
    assert sorted(points[0, :2].tolist()) == pytest.approx(np.array([LEFT, RIGHT]), abs=1)


def test_mirrored_face_stands_upright_whichever_way_it_is_turned() -> None:
    for rot90 in range(4):
        view = View("x", 200, rot90=rot90, mirrored=True)
        lying = np.ascontiguousarray(np.rot90(picture(), -rot90))
        canvas, _ = passes.letterbox(lying, view)
        assert (canvas[:120, :200] == picture()[:, ::-1]).all()


def test_every_view_lies_on_black() -> None:
    noise = np.random.default_rng(1).integers(1, 256, (60, 100, 3), np.uint8)
    for rot90, mirrored in itertools.product(range(4), (False, True)):
        canvas, inner = passes.letterbox(noise, View("x", 100, rot90=rot90, mirrored=mirrored))
        turned = np.rot90(noise, rot90)
        height, width = turned.shape[:2]
        assert inner == (100, 60)
        assert np.array_equal(canvas[:height, :width], turned[:, ::-1] if mirrored else turned)
        assert not canvas[height:].any() and not canvas[:, width:].any()


def test_blobs_of_threads_are_their_own() -> None:
    memory = BlobMemory()
    ours = memory.blob(64, 32)
    with ThreadPoolExecutor(1) as other:
        theirs = other.submit(memory.blob, 64, 32).result()
    assert ours.shape == theirs.shape == (1, 3, 32, 64)
    assert not np.shares_memory(ours, theirs)
    assert np.shares_memory(ours, memory.blob(32, 32))


def test_large_blob_is_not_kept() -> None:
    memory = BlobMemory()
    large = memory.blob(2048, 2048)
    assert large.shape == (1, 3, 2048, 2048)
    assert not np.shares_memory(large, memory.blob(2048, 2048))


def test_boxes_beyond_belief_are_dropped() -> None:
    assert len(seen(View("x", 640, size_range=(0, 191)))) == 0
    assert len(seen(View("x", 640, size_range=(193, 500)))) == 0
    assert len(seen(View("x", 640, size_range=(190, 194)))) == 1


def test_face_cut_by_a_tile_is_left_to_another() -> None:
    assert len(seen(View("x", 640, area=(0, 0, 90, 120)))) == 0
    assert len(seen(View("x", 640, area=(0, 0, 110, 120)))) == 1


def test_face_cut_by_the_picture_is_kept() -> None:
    cut = picture()[:, :90]
    family = Bright()
    eye = Runner(family, family)  # type: ignore[arg-type]  # a network, too
    assert len(eye.infer(cut, View("x", 640, area=(0, 0, 90, 120)), 0.5).candidates) == 1


# --- the plan ------------------------------------------------------------------------------------


class Scene:
    """Answers each view with faces that only some orientations and sizes show; remembers what was asked."""

    def __init__(self, upright: int = 0, faces: int = 3, from_size: int = 0) -> None:
        self.upright, self.faces, self.from_size = upright, faces, from_size
        self.views: list[View] = []

    def __call__(self, view: View) -> PassResult:
        self.views.append(view)
        visible = self.faces if view.rot90 == self.upright and view.size >= self.from_size else 0
        x = np.arange(visible, dtype=np.float32)[:, None] * 100
        found = Candidates(np.hstack([x, x, x + 50, x + 50]), np.full(visible, 0.9, np.float32), None)
        report = PassReport(name=view.name, input_size=(640, 640), inference_ms=1, candidates=visible)
        return PassResult(view, found, 1, Timings(), report)

    def names(self) -> list[str]:
        return [view.name for view in self.views]


def planned(detail: Detail, width: int, height: int, scene: Scene | None = None, gflops: float = 2.5) -> Scene:
    """Search everywhere; where a balanced search looks closer is told by what passes show: see test_cascades."""
    scene = scene or Scene()
    Search(detail, 640, gflops, 22, everywhere=True).run(scene, width, height)
    return scene


def test_fast_looks_twice() -> None:
    assert planned("fast", 4000, 3000).names() == ["main", "close_up"]


def test_balanced_looks_closer_at_larger_pictures() -> None:
    assert planned("balanced", 1024, 700).names() == ["main", "close_up", "mirror"]
    names = ["main", "close_up", *["mirrored_tile"] * 2, "main_rotated_90", "main_rotated_270"]
    assert planned("balanced", 4000, 3000).names() == names


def test_balanced_looks_in_every_orientation_where_no_face_is_sure() -> None:
    scene = planned("balanced", 1024, 700, Scene(upright=2))
    assert scene.names()[:3] == ["main", "close_up", "mirror"]
    rotated = [view for view in scene.views if searches.is_rotated(view.name)]
    assert [(view.rot90, view.size) for view in rotated] == [(turn, size) for turn in (1, 2, 3) for size in (640, 192)]
    assert scene.views[3:] == rotated


def test_balanced_takes_only_sure_faces_that_lie_among_others_in_large_pictures() -> None:
    upright = planned("balanced", 2000, 1500).views
    assert not any(view.rot90 for view in upright)

    # Standing for two, one of which a turned pass shows too; lying for one, and unsure.
    scores = {0: (0.9, 0.9, 0.1, 0.49), 1: (0.8, 0.3, 0.6, 0.49), 3: (0.8, 0.0, 0.0, 0.4)}

    def run_pass(view: View) -> PassResult:
        shown = Scene(view.rot90, faces=4)(view)
        return replace(shown, candidates=replace(shown.candidates, scores=np.array(scores[view.rot90], np.float32)))

    search = Search("balanced", 640, 2.5, 22, everywhere=True)
    results = search.run(run_pass, 4000, 3000)
    shown = {result.view.rot90: result.candidates.boxes[:, 0].tolist() for result in results}
    assert shown == {0: [0, 100, 200, 300], 1: [200], 3: []}
    assert [result.report.candidates for result in results if result.view.rot90] == [1, 0]
    assert not any(one.view.rot90 for one in replace(search, upright=True).run(run_pass, 4000, 3000))


@given(st.integers(8, 25_000), st.integers(8, 25_000))
def test_balanced_keeps_its_promise_whatever_the_shape(width: int, height: int) -> None:
    if width * height > 50_000_000:
        return
    promised = 32 if width * height <= 12_000_000 else 48
    search = Search("balanced", 640, 2.5, 22)
    assert search.smallest_face(width, height) <= promised
    scene = planned("balanced", width, height)
    seen = np.zeros((-(-height // 8), -(-width // 8)), bool)
    for view in scene.views:
        left, top, right, bottom = view.area or (0, 0, width, height)
        if 22 / passes.scale(right - left, bottom - top, view.size) <= promised + 1:
            seen[top // 8 : -(-bottom // 8), left // 8 : -(-right // 8)] = True
    assert seen.all()


@pytest.mark.parametrize("aspect", [1, 4 / 3, 10])
def test_larger_picture_is_shown_no_fewer_pixels(aspect: float) -> None:
    """Not beyond 12 megapixels either, where the promise is one of larger faces."""
    roots = [(math.sqrt(area * aspect), math.sqrt(area / aspect)) for area in range(1, 51)]
    sizes = [(round(1000 * width), round(1000 * height)) for width, height in roots]
    shown = [width * height * scales.balanced(width, height, 640, 22) ** 2 for width, height in sizes]
    assert all(later > 0.98 * earlier for earlier, later in itertools.pairwise(shown))


@given(st.integers(8, 25_000), st.integers(8, 25_000))
def test_balanced_sees_every_size_up_to_the_whole_picture(width: int, height: int) -> None:
    """A face of any size from the smallest on is within the size range of some pass."""
    if width * height > 50_000_000:
        return
    scene, side = planned("balanced", width, height), Search("balanced", 640, 2.5, 22).smallest_face(width, height)
    ranges = []
    for view in scene.views:
        left, top, right, bottom = view.area or (0, 0, width, height)
        factor = passes.scale(right - left, bottom - top, view.size)
        ranges.append((max(view.size_range[0], 22) / factor, view.size_range[1] / factor))
    while side < min(width, height):
        assert any(low <= side * 1.01 and side <= high for low, high in ranges)
        side *= 1.1


@given(st.integers(640, 25_000), st.integers(640, 25_000))
def test_work_of_a_balanced_search_follows_the_area(width: int, height: int) -> None:
    if width * height > 50_000_000:
        return
    pixels = 0.0
    for view in planned("balanced", width, height).views:
        left, top, right, bottom = view.area or (0, 0, width, height)
        factor = passes.scale(right - left, bottom - top, view.size)
        pixels += (right - left) * (bottom - top) * factor**2
    megapixels = width * height / 1e6
    assert pixels <= 1e6 * max(2.7, min(9.0, 2.7 * megapixels**0.5), 0.3 * megapixels)


def test_thorough_mirrors_tiny_pictures_too() -> None:
    scene = planned("thorough", 100, 90)
    assert max(view.size for view in scene.views) == 640
    assert any(view.mirrored for view in scene.views)


def test_thorough_follows_the_orientation_that_shows_faces() -> None:
    for rot90 in range(4):
        scene = planned("thorough", 1024, 768, Scene(upright=rot90))
        assert {view.rot90 for view in scene.views if view.size > 640} == {rot90}
        assert any(view.mirrored for view in scene.views)


def test_thorough_looks_closer_when_little_is_found() -> None:
    scene = planned("thorough", 1024, 768, Scene(upright=3, from_size=1200))
    assert {view.rot90 for view in scene.views if view.size == 1280} == {0, 1, 2, 3}
    assert {view.rot90 for view in scene.views if view.size > 1280 or view.area} == {3}
    assert len(scene.views) == len(set(scene.views))


@pytest.mark.parametrize("megapixels", [12, 24, 50])
def test_thorough_looks_at_small_faces_of_large_pictures_four_times(megapixels: int) -> None:
    width, height = 1000 * round((megapixels * 4 / 3) ** 0.5), 1000 * round((megapixels * 3 / 4) ** 0.5)
    views = planned("thorough", width, height).views
    scales = sorted({round(scale_of(view, width, height), 2) for view in views})
    assert scales[-1] / scales[-4] < 4.3
    assert scales[-1] / scales[-2] < scales[-2] / scales[-3]
    assert {round(scale_of(view, width, height), 2) for view in views if view.mirrored} == {scales[-1], scales[-3]}


@given(st.integers(640, 9000), st.integers(640, 9000))
def test_thorough_sees_every_size_up_to_the_whole_picture(width: int, height: int) -> None:
    views = planned("thorough", width, height).views
    ranges = [
        (
            max(view.size_range[0], 22) / scale_of(view, width, height),
            view.size_range[1] / scale_of(view, width, height),
        )
        for view in views
    ]
    side = Search("thorough", 640, 2.5, 22).smallest_face(width, height)
    while side < min(width, height):
        assert any(low <= side * 1.01 and side <= high for low, high in ranges)
        side *= 1.1


def scale_of(view: View, width: int, height: int) -> float:
    left, top, right, bottom = view.area or (0, 0, width, height)
    return passes.scale(right - left, bottom - top, view.size)


def input_pixels(views: Iterable[View], width: int, height: int) -> float:
    """Return how many pixels the network is shown of a picture of width x height."""
    pixels = 0.0
    for view in views:
        left, top, right, bottom = view.area or (0, 0, width, height)
        pixels += (right - left) * (bottom - top) * passes.scale(right - left, bottom - top, view.size) ** 2
    return pixels


@given(st.integers(8, 9000), st.integers(8, 9000), st.sampled_from([0.5, 2.5, 10]))
def test_work_has_a_limit(width: int, height: int, gflops: float) -> None:
    scene = planned("thorough", width, height, gflops=gflops)
    for view in scene.views:
        left, top, right, bottom = view.area or (0, 0, width, height)
        factor = passes.scale(right - left, bottom - top, view.size)
        assert (right - left) * (bottom - top) * factor**2 <= 1.02 * tiles.MOST_PIXELS
    smallest = 640**2 * (4 + 4 + 9 * 1.3) + 192**2
    most = max(smallest, 1.25 * searches.WORK_GFLOP / gflops * 640 * 480 + 4 * 640**2)
    assert input_pixels(scene.views, width, height) <= most


def test_work_has_a_limit_whatever_the_input_size() -> None:
    scene = Scene()
    Search("thorough", 2048, 10, 22).run(scene, 3000, 3000)
    beyond = [view for view in scene.views if view.size != 2048]
    assert input_pixels(beyond, 3000, 3000) <= 1.25 * searches.WORK_GFLOP / 10 * 640 * 480


def test_speck_is_not_enlarged() -> None:
    assert max(view.size for view in planned("thorough", 1, 1, Scene(from_size=1200)).views) == 640


@given(st.integers(100, 9000), st.integers(100, 9000), st.integers(640, 6400), st.floats(0, 1), st.floats(0, 1))
def test_small_face_is_whole_in_some_tile(width: int, height: int, size: int, x: float, y: float) -> None:
    grid = tiles.grid(width, height, passes.scale(width, height, size))
    side = 0.9 * min(tiles.OVERLAP, tiles.OVERLAP_SHARE * size) / grid.scale - 6
    if not 0 < side < min(width, height):
        return
    left, top = x * (width - side), y * (height - side)
    assert any(a[0] <= left and a[1] <= top and a[2] >= left + side and a[3] >= top + side for a in grid.areas)
