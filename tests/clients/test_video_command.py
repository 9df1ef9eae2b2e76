"""`face-api video mask` where the service says what it seldom says."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from face_api_client.command.main import main
from face_api_client.command.videos import commands, journals
from face_api_client.command.videos.journals import SourceFile, VideoJournal
from tests.clients.scripted import ScriptedServer, as_json, problem
from web.openapi.video_examples import A_VIDEO

KEY = "xyl_" + "5" * 48


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "POLL_S", 0.01)


def test_video_that_is_deleted_meanwhile_is_told(tmp_path: Path) -> None:
    source, out = tmp_path / "street.mp4", tmp_path / "masked.mp4"
    source.write_bytes(b"a video")
    rendering = as_json(A_VIDEO | {"status": "rendering", "finished_at": None})
    with ScriptedServer(rendering, rendering, problem(404, "not_found")).running() as server:
        VideoJournal(server.url, SourceFile.of(source), {"format": "mp4"}, "some").write(out)
        words = ["video", "mask", str(source), "--out", str(out), "--url", server.url, "--api-key", KEY]
        ran = CliRunner().invoke(main, words)
    assert ran.exit_code == 1 and "the service has no video some any more: it was deleted there" in ran.output
    assert journals.read(out) and not out.exists()
