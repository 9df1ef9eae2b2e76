"""Where the command `face-api` begins: Ctrl-C ends it without a word while the rest is still being imported."""

import os
import signal
from types import FrameType

INTERRUPTED = 130  # the shell's exit status for a program that Ctrl-C has ended


def main() -> None:
    """Import the command and run it; from then on it says itself that it was interrupted."""
    is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # in the background it is ignored
    if is_usual:
        signal.signal(signal.SIGINT, _leave)
    from admin.main import main as command

    if is_usual:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command(prog_name="face-api")


def _leave(_signal: int, _frame: FrameType | None) -> None:
    # Not by an exception: what is being imported might catch it.
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
