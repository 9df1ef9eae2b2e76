"""Another real S3 server for the tests: Ceph's gateway before a one-node Ceph, run by the script that --ceph names.

The script takes a folder and a port, runs in the foreground, says "ready" and ends with TERM.
"""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port

ACCESS_KEY, SECRET_KEY = "tests-reader", "not-a-secret-of-anything"
STOPPED_WITHIN_S = 20


@dataclass(frozen=True)
class Ceph:
    """A running node."""

    process: "subprocess.Popen[bytes]"
    endpoint: str

    def settings(self) -> dict[str, str]:
        """Return the settings of a service that keeps its pictures here."""
        return {"s3_endpoint": self.endpoint, "s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}

    def stop(self) -> None:
        """End the node; its folder stays."""
        self.process.terminate()
        self.process.wait(STOPPED_WITHIN_S)


def start(script: Path, folder: Path) -> Ceph:
    """Start a node in an empty folder and wait until it answers; the script may fetch Ceph before."""
    port = free_port()
    with (folder / "ceph.log").open("wb") as log:
        process = subprocess.Popen(
            # However this process ends, the script is told to end as well.
            ["setpriv", "--pdeathsig", "TERM", "bash", str(script.resolve()), str(folder / "data"), str(port)],
            env=os.environ | {"S3_ACCESS_KEY": ACCESS_KEY, "S3_SECRET_KEY": SECRET_KEY},
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout
    with process.stdout as said:
        assert said.readline().startswith(b"ready "), (folder / "ceph.log").read_text()
    return Ceph(process, f"http://127.0.0.1:{port}")
