"""The embedded Redis of `face-api up`, as its supervisor runs it."""

import subprocess
from pathlib import Path

from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import ConnectionError as NotThereYet
from redis.retry import Retry

from admin import embedded
from admin.supervisor import Program

STARTS_WITHIN_S = 60


def _said(program: Program, url: str) -> bytes:
    """Return what the program writes from its start to its end."""
    process = subprocess.Popen(
        program.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    assert process.stdin is not None
    process.stdin.write(program.stdin)
    process.stdin.close()
    process.stdin = None
    try:
        patient = Retry(ConstantBackoff(0.1), STARTS_WITHIN_S * 10, (NotThereYet,))
        with Redis.from_url(url, retry=patient) as client:
            assert client.ping()
    finally:
        process.terminate()
    return process.communicate(timeout=STARTS_WITHIN_S)[0]


def test_redis_prints_nothing_and_logs_to_its_file(tmp_path: Path) -> None:
    log = tmp_path / 'it\'s "mine" \\ here' / "redis.log"
    log.parent.mkdir()
    program, url = embedded.redis(log)
    assert _said(program, url) == b""
    assert "ready to exit" in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert program.log == log
