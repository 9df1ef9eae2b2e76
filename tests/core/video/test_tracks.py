"""Linking: which faces are one over time, and that nothing which was found is lost on the way."""

import json
from dataclasses import replace
from random import Random

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.video.tracking import motions, smoothing, tracks
from core.video.tracking.faces import FrameFaces
from core.video.tracking.motions import Fields, MotionMeter
from core.video.tracking.tracks import Evidence, Track, TrackedBox
from tests.core.video.drawn import FPS, SIZE, Path, found, frame_faces, hidden, steady

WIDTH, HEIGHT = SIZE


def linked(paths: list[Path], count: int = 100, cuts: tuple[int, ...] = (), score: float = 0.9) -> list[Track]:
    return tracks.link(found(paths, count, score), cuts, *SIZE)


def box(track: Track, frame: int) -> TrackedBox:
    there = track.at(frame)
    assert there is not None
    return there


def holds(outer: np.ndarray, inner: np.ndarray) -> bool:
    return bool((outer[:2] <= inner[:2]).all() and (outer[2:] >= inner[2:]).all())


def test_face_hidden_for_a_second_is_one_track() -> None:
    (track,) = linked([hidden(steady(100, 200, speed=(3, 1)), range(30, 55))])
    middle = box(track, 42)
    assert not middle.seen
    assert middle.x1 <= 100 + 3 * 42 and middle.x2 >= 180 + 3 * 42
    assert track.seen.sum() == 75 and len(track.frames) == 100


def test_longer_gap_ends_track() -> None:
    first, second = linked([hidden(steady(100, 200), range(30, 90))], 120)
    assert first.frames[-1] < 40 and second.frames[0] > 80


def test_crossing_faces_stay_covered() -> None:
    paths = [steady(100, 200, speed=(8, 0)), steady(900, 210, speed=(-8, 0))]
    faces = found(paths, 100)
    regions = smoothing.regions(tracks.link(faces, (), *SIZE), range(100))
    for one, masked in zip(faces, regions, strict=True):
        assert all(any(holds(region, there) for region in masked) for there in one.boxes)


def test_fast_small_face_is_one_track() -> None:
    # From one frame to the next it moves by nearly its own side, and so its boxes hardly overlap.
    assert len(linked([steady(10, 200, side=34, speed=(30, 0))], 40)) == 1


def test_cut_ends_tracks() -> None:
    first, second = linked([steady(100, 200)], cuts=(50,))
    assert first.frames.tolist() == list(range(50))
    assert second.frames.tolist() == list(range(50, 100))


def test_nothing_is_prolonged_across_a_cut() -> None:
    (track,) = linked([hidden(steady(100, 200), range(50, 100))], cuts=(50,))
    assert track.frames[-1] == 49


def test_track_is_prolonged_and_grows_at_both_ends() -> None:
    (track,) = linked([hidden(hidden(steady(500, 300), range(40)), range(60, 100))])
    assert track.frames.tolist() == list(range(40 - 7, 60 + 7))
    widths = [box(track, frame).x2 - box(track, frame).x1 for frame in (59, 61, 63, 66)]
    assert widths == sorted(set(widths)) and widths[0] == 80
    assert box(track, 33).x2 - box(track, 33).x1 == pytest.approx(80 * (1 + 2 * 0.7 * 7 / FPS))


def test_face_that_leaves_is_followed_out() -> None:
    (track,) = linked([hidden(steady(1000, 300, speed=(8, 0)), range(20, 100))])
    assert box(track, 25).x1 > 1000 + 8 * 19


def fields_of(motion: tuple[float, float], count: int = 100) -> Fields:
    """The motion of a camera, in pixels a frame."""
    unit = motions.UNIT * motions.WIDTH / WIDTH
    return np.tile(np.rint(np.array(motion) * unit).astype(np.int16), (count, *motions.CELLS[::-1], 1))


def test_face_that_is_not_found_moves_with_what_is_around_it() -> None:
    seen = hidden(hidden(steady(500, 300, speed=(4, -2)), range(60)), range(64, 130))
    (track,) = tracks.link(found([seen], 130), (), *SIZE, Evidence(fields_of((4, -2), 130)))
    assert track.frames.tolist() == list(range(60 - 50, 63 + 51))
    for frame in (10, 40, 63, 90, 113):
        there = box(track, frame)
        centre = (there.x1 + there.x2) / 2, (there.y1 + there.y2) / 2
        assert centre == pytest.approx((540 + 4 * frame, 340 - 2 * frame), abs=4)
    widths = [box(track, frame).x2 - box(track, frame).x1 for frame in (63, 70, 90, 113)]
    assert widths == sorted(set(widths)) and widths[-1] == pytest.approx(80 * 1.6)


def test_unsure_face_is_followed_for_about_as_long_as_it_was_seen() -> None:
    seen = hidden(hidden(steady(500, 300), range(60)), range(71, 130))
    (track,) = tracks.link(found([seen], 130, score=0.45), (), *SIZE, Evidence(fields_of((0, 0), 130)))
    assert not track.sure
    assert track.frames.tolist() == list(range(60 - 17, 70 + 18)), "0.3 s and 0.4 s"


def test_nothing_is_followed_across_a_cut() -> None:
    seen = hidden(steady(500, 300), range(20, 100))
    (track,) = tracks.link(found([seen], 100), (25,), *SIZE, Evidence(fields_of((0, 0))))
    assert track.frames.tolist() == list(range(25))


def test_each_scene_has_its_own_motion() -> None:
    fields = np.concatenate([fields_of((0, 0), 60), fields_of((5, 0), 60)])
    seen = hidden(hidden(steady(500, 300), range(60)), range(61, 120))
    (track,) = tracks.link(found([seen], 120), (60,), *SIZE, Evidence(fields))
    there = box(track, 80)
    assert (there.x1 + there.x2) / 2 == pytest.approx(540 + 5 * 20, abs=3)


def test_motion_of_the_camera_is_measured() -> None:
    spots = np.random.default_rng(5).integers(0, 255, (30, 50, 3)).astype(np.uint8)
    picture = np.asarray(cv2.resize(spots, (1000, 600)), np.uint8)
    meter = MotionMeter()
    first, second = (meter.measured(picture[20 - at : 560 - at, at : 960 + at]) for at in (0, 8))
    assert not first.any()
    pixels = np.median(second.reshape(-1, 2), axis=0) / motions.UNIT * 960 / motions.WIDTH
    assert pixels == pytest.approx((-8, 8), abs=1)


def test_single_sight_is_kept() -> None:
    (track,) = linked([hidden(hidden(steady(500, 300), range(50)), range(51, 100))])
    assert track.seen.sum() == 1 and len(track.frames) == 15


def test_likely_face_without_sure_sight_is_kept() -> None:
    (track,) = linked([steady(500, 300)], score=0.45)
    assert not track.sure and track.seen.all()


@pytest.mark.parametrize("side", [32, 80])
def test_weak_face_found_again_and_again_is_a_track(side: int) -> None:
    assert _weak_tracks(8, side, weak=True) == 1


@pytest.mark.parametrize(("first", "second", "count"), [(4, 4, 1), (3, 5, 1), (4, 3, 0), (6, 2, 0)])
def test_weak_face_in_two_parts_is_a_track_where_both_are_enough(first: int, second: int, count: int) -> None:
    seen = hidden(hidden(steady(500, 300), range(first, 30)), range(30 + second, 100))
    linked = tracks.link(found([seen], 100, score=0.2), (), *SIZE)
    assert len(linked) == count
    assert all({*range(30 + second)} <= set(track.frames.tolist()) for track in linked)


@pytest.mark.parametrize(("sights", "side", "weak"), [(7, 80, True), (100, 31, True), (100, 80, False)])
def test_other_weak_faces_alone_are_no_track(sights: int, side: int, weak: bool) -> None:
    assert _weak_tracks(sights, side, weak) == 0


def _weak_tracks(sights: int, side: int, weak: bool) -> int:
    faces = found([hidden(steady(500, 300, side=side), range(sights, 100))], 100, score=0.2)
    return len(tracks.link(faces, (), *SIZE, Evidence(weak=weak)))


def test_weak_faces_before_and_after_a_sure_one_are_its_track() -> None:
    faces = found([steady(500, 300, speed=(2, 0))], 100, score=0.2)
    faces[50] = frame_faces(50, [(600, 300, 680, 380)])
    (track,) = tracks.link(faces, (), *SIZE)
    assert track.sure and track.seen.all() and len(track.frames) == 100


def test_weak_face_does_not_lead_track_astray() -> None:
    faces = found([steady(500, 300)], 20)
    faces[10] = frame_faces(10, [(570, 300, 650, 380)], 0.2)
    (track,) = tracks.link(faces, (), *SIZE)
    assert not box(track, 10).seen and box(track, 10).x1 < 505


def test_skipped_frames_are_filled_in() -> None:
    every = found([steady(100, 200, speed=(6, 2))], 40)
    faces = [one if one.frame % 3 == 0 else FrameFaces.unsearched(one.frame, one.time_s) for one in every]
    (track,) = tracks.link(faces, (), *SIZE)
    assert track.frames.tolist() == list(range(40))
    for one in every:
        assert holds(track.boxes[one.frame] + [-1, -1, 1, 1], one.boxes[0])
    assert tracks.interpolated_share([track]) == pytest.approx(26 / 40)


def test_line_tells_what_was_seen() -> None:
    faces = found([hidden(steady(100, 200), range(3, 6))], 10)
    lines = [json.loads(line) for line in tracks.lines(tracks.link(faces, (), *SIZE), faces)]
    assert [line["frame"] for line in lines] == list(range(10))
    assert lines[2] == {
        "frame": 2,
        "time_s": 2 / FPS,
        "faces": [
            {
                "track_id": 1,
                "bbox": {"x1": 100.0, "y1": 200.0, "x2": 180.0, "y2": 280.0},
                "confidence": 0.9,
                "seen": True,
            }
        ],
    }
    assert [line["faces"][0]["seen"] for line in lines] == [True] * 3 + [False] * 3 + [True] * 4


def test_nothing_found_is_no_track() -> None:
    assert tracks.link([], (), *SIZE) == []
    assert tracks.link(found([], 5), (2,), *SIZE) == []
    assert tracks.interpolated_share([]) == 0
    assert [len(one) for one in smoothing.regions([], range(3))] == [0, 0, 0]


def _boxes() -> st.SearchStrategy[tuple[float, float, float, float]]:
    def made(values: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        x, y, width, height = values
        return x, y, min(WIDTH, x + width), min(HEIGHT, y + height)

    sides = st.floats(1, 600, width=32)
    return st.tuples(st.floats(0, WIDTH - 1, width=32), st.floats(0, HEIGHT - 1, width=32), sides, sides).map(made)


@st.composite
def videos(draw: st.DrawFn) -> tuple[list[FrameFaces], set[int]]:
    """Draw any faces in any frames, at any times, with cuts anywhere."""
    steps = draw(st.lists(st.sampled_from([0.001, 0.02, 0.04, 0.3, 2.5]), min_size=1, max_size=12))
    faces = []
    for number, time_s in enumerate(np.cumsum(steps).tolist()):
        boxes = draw(st.lists(_boxes(), max_size=4))
        scores = np.array(
            draw(st.lists(st.floats(0, 1, width=32), min_size=len(boxes), max_size=len(boxes))), np.float32
        )
        array = np.array(boxes, np.float32).reshape(-1, 4)
        faces.append(FrameFaces(number, time_s, array, scores, scores >= 0.5, scores >= 0.3))
    return faces, draw(st.sets(st.integers(0, len(faces)), max_size=3))


@given(videos(), st.booleans())
def test_every_face_is_covered_in_its_frame(video: tuple[list[FrameFaces], set[int]], followed: bool) -> None:
    faces, cuts = video
    moving = np.random.default_rng(3).integers(-9999, 9999, (len(faces), *motions.CELLS[::-1], 2)).astype(np.int16)
    evidence = Evidence(moving if followed else None)
    regions = smoothing.regions(tracks.link(faces, cuts, *SIZE, evidence), range(len(faces)))
    for one, masked in zip(faces, regions, strict=True):
        for there in one.boxes[one.scores >= 0.3]:
            assert any(holds(region, there) for region in masked)


@given(videos(), st.randoms(use_true_random=False))
def test_order_of_faces_in_a_frame_does_not_matter(video: tuple[list[FrameFaces], set[int]], random: Random) -> None:
    faces, cuts = video
    shuffled = []
    for one in faces:
        order = list(range(len(one.scores)))
        random.shuffle(order)
        assert one.masked is not None
        rows = one.boxes[order], one.scores[order], one.sure[order], one.masked[order]
        shuffled.append(FrameFaces(one.frame, one.time_s, *rows))
    assert list(tracks.lines(tracks.link(shuffled, cuts, *SIZE), faces)) == list(
        tracks.lines(tracks.link(faces, cuts, *SIZE), faces)
    )


def test_order_of_equal_boxes_does_not_matter() -> None:
    boxes, scores = np.tile(np.array([[10, 10, 50, 60]], np.float32), (4, 1)), np.array([0.5, 0, 0, 1], np.float32)
    faces = [FrameFaces(frame, frame / 25, boxes, scores, scores >= 0.5, scores >= 0.3) for frame in range(3)]
    turned = [replace(one, scores=one.scores[::-1], sure=one.sure[::-1], masked=scores[::-1] >= 0.3) for one in faces]
    assert list(tracks.lines(tracks.link(turned, [], *SIZE), faces)) == list(
        tracks.lines(tracks.link(faces, [], *SIZE), faces)
    )


@given(videos())
def test_no_track_crosses_a_cut(video: tuple[list[FrameFaces], set[int]]) -> None:
    faces, cuts = video
    for track in tracks.link(faces, cuts, *SIZE):
        assert not any(track.frames[0] < cut <= track.frames[-1] for cut in cuts)
        assert (np.diff(track.frames) > 0).all()
