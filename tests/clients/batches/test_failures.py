"""`face-api batch` when something is wrong: what it reports, outlasts and refuses."""

import itertools
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from core import config
from face_api_client.command import clients
from face_api_client.command.batches import journals
from tests.clients.batches.folders import Run, tree, write
from tests.clients.fake_api import PASSWORD, FakeApi, Item, refusals


def test_failures_are_named_and_end_with_1(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def judge(item: Item) -> None:
        if item.name == "b.png":
            item.state, item.error = "failed", {"code": "undecodable_image", "detail": "it is cut short"}

    api.judge = judge
    (folder / "x.jpg").write_bytes(b"broken")
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 1
    assert "failed: b.png: it is cut short (undecodable_image)" in ran.output
    assert "refused: x.jpg: Not a picture (unsupported_image)" in ran.output
    assert "1 done with 1 face, 1 failed, 1 refused" in ran.output
    assert set(tree(out)) == {"a.jpg"}


def test_unreadable_file_fails_alone(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    looked = []
    real = journals.Journal.create

    def remove_then_begin(*args: Any, **options: Any) -> Any:
        (folder / "b.png").unlink()
        looked.append(1)
        return real(*args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals.Journal, "create", remove_then_begin)
        ran = run("submit", folder, "--out", out)
    assert looked and ran.exit_code == 1 and "refused: b.png: No such file" in ran.output
    assert api.only.unsent == {"b.png": "unreadable_file"}
    assert set(tree(out)) == {"a.jpg"}


@pytest.mark.slow
@pytest.mark.parametrize(("status", "code"), [(503, "queue_full"), (429, "rate_limited"), (503, "storage_unavailable")])
def test_back_pressure_is_obeyed(api: FakeApi, run: Run, folder: Path, out: Path, status: int, code: str) -> None:
    api.fault("images", *refusals(status, code, 2, "1"))
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 0, ran.output
    times = [moment for moment, kind in api.times if kind == "images"]
    assert len(times) == 3
    assert all(later - sooner >= 0.99 for sooner, later in itertools.pairwise(times))


def test_proxies_errors_are_outlasted(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    for kind in ("create", "images", "get", "items", "result", "act"):
        api.fault(kind, *refusals(502, "bad_gateway", 1))
    assert run("submit", folder, "--out", out).exit_code == 0
    assert len(api.batches) == 1


def test_restart_of_the_service_is_outlasted(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    def restart() -> None:
        def later() -> None:
            api.stop()
            time.sleep(0.5)
            api.restart()

        threading.Thread(target=later).start()
        time.sleep(0.2)

    api.fault("images", restart)
    assert run("submit", folder, "--out", out).exit_code == 0
    assert set(tree(out)) == {"a.jpg", "b.jpg"}


def test_service_that_is_not_there_is_not_waited_for(
    run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "FIRST_RETRY_LIMIT_S", 0.3)
    ran = run("submit", folder, "--out", out, FACE_API_URL="http://127.0.0.1:9")
    assert ran.exit_code == 2
    assert "can't be reached" in ran.output and "http://127.0.0.1:9/health" in ran.output
    assert "--resume" not in ran.output and not out.exists()


def test_silent_service_is_not_waited_for(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "START_LIMIT_S", 0.3)
    answered = threading.Event()

    def say_nothing() -> None:
        answered.wait(20)

    api.fault("list", say_nothing)
    ran = run("submit", folder, "--out", out)
    answered.set()
    assert ran.exit_code == 2 and "/health" in ran.output and not out.exists()


def test_refused_batch_leaves_no_journal(api: FakeApi, run: Run, folder: Path, out: Path) -> None:
    api.fault("create", *refusals(422, "invalid_option", 1))
    ran = run("submit", folder, "--out", out, "--webhook", "http://no.example")
    assert ran.exit_code == 2 and "(invalid_option)" in ran.output and "--resume" not in ran.output
    assert run("submit", folder, "--out", out).exit_code == 0


def test_wrong_password_ends_with_2(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(admin_password="almost a horse", var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "the password is wrong" in ran.output
    assert "check FACE_API_ADMIN_USER" in ran.output and "--resume" not in ran.output and not out.exists()
    assert api.calls.total() == 1, "a lockout must not be provoked"


def test_missing_password_ends_with_2(
    run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    ran = run("submit", folder, "--out", out)
    assert ran.exit_code == 2 and "FACE_API_ADMIN_PASSWORD" in ran.output


def test_written_password_is_for_its_own_service(
    api: FakeApi, run: Run, folder: Path, out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = config.read(var_dir=tmp_path)
    monkeypatch.setattr(config, "load", lambda: settings)
    (tmp_path / "dev.env").write_text(f"FACE_API_URL={api.url}\nFACE_API_ADMIN_PASSWORD='{PASSWORD}'\n")
    assert run("submit", folder, "--out", out, FACE_API_URL="http://other.example").exit_code == 2
    assert run("submit", folder, "--out", out, FACE_API_URL="").exit_code == 0


def test_call_that_is_too_large_is_split(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    names = [f"{number:02}.jpg" for number in range(30)]
    write(tmp_path / "p", *names)
    (tmp_path / "p" / "huge.jpg").write_bytes(bytes(20_000))
    api.limit = 3000
    ran = run("submit", tmp_path / "p", "--out", out)
    assert ran.exit_code == 1 and ran.output.count("(upload_too_large)") == 1
    assert set(tree(out)) == set(names)
    assert max(api.sent.values()) == 1


def test_calls_are_bounded(api: FakeApi, run: Run, tmp_path: Path, out: Path) -> None:
    for number in range(5):
        path = tmp_path / "p" / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(bytes(3 * 2**20))
    assert run("submit", tmp_path / "p", "--out", out).exit_code == 0
    assert api.calls["images"] == 3 and api.largest_call < 7 * 2**20
