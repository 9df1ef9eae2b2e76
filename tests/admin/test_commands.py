"""`face-api` as a whole: what asking for help imports, and how Ctrl-C ends it."""

import configparser
import inspect
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from admin.main import main
from core.config import ROOT
from face_api_client.command.main import main as client_alone

# What takes long to import, and what no help needs.
HEAVY = {"alembic", "av", "celery", "cv2", "flask", "minio", "numpy", "onnxruntime", "redis", "sqlalchemy"}
IMPORTED = """
import sys
from admin.main import main
try:
    main(sys.argv[1:], prog_name="face-api")
finally:
    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


def commands() -> Iterator[list[str]]:
    """Yield the words of each command and subcommand."""
    yield []
    for name in main.lazy_commands:
        yield [name]
        command = main.lazy_commands[name].load()
        if isinstance(command, click.Group):
            yield from ([name, below] for below in command.commands)


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help_imports_nothing_of_the_service(words: list[str]) -> None:
    ran = subprocess.run([sys.executable, "-c", IMPORTED, *words, "--help"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("Usage: face-api")
    assert not HEAVY & set(ran.stderr.split())


@pytest.mark.parametrize("group", [main, client_alone])
def test_list_of_commands_says_what_their_help_says(group: click.Command) -> None:
    for name, listed in vars(group)["lazy_commands"].items():
        command = listed.load()
        text = inspect.cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")
        assert (command.name, listed.help) == (name, f"{text.partition('. ')[0].rstrip('.')}.")


def test_command_that_is_interrupted_while_it_starts_says_nothing(tmp_path: Path) -> None:
    """Ctrl-C comes while the first of its packages is imported."""
    (tmp_path / "click.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nsignal.pause()\n")
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    _, script = setup["options.entry_points"]["console_scripts"].strip().split(" = ")
    module, function = script.split(":")
    begin = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests may ignore it
    run = subprocess.run(
        [sys.executable, "-c", f"{begin}from {module} import {function}\n{function}()"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (130, "", "")


def test_interrupted_command_says_one_line() -> None:
    face_api = [sys.executable, "-m", "admin"]
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        words = ["batch", "list", "--url", url, "--api-key", "xyl_key"]
        run = subprocess.Popen(
            [*face_api, *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - nothing is held here
        )
        connection, _ = server.accept()
        with connection:
            os.kill(run.pid, signal.SIGINT)
            out, said = run.communicate(timeout=120)
    assert (run.returncode, out, said) == (130, "", "interrupted\n")
