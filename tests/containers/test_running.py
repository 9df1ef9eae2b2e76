"""The service works in containers: it is used, scaled, killed, overrun, stopped and started again."""

import os
import signal

import pytest

from tests.containers import uploads
from tests.containers.deployment import Deployment
from tests.containers.engine import inspected

SERVICES = ["redis", "postgres", "s3", "worker", "maintenance", "beat", "web"]
JPEG = b"\xff\xd8\xff"


def test_picture_is_masked_and_kept(deployment: Deployment) -> None:
    deployment.wait_until_healthy()
    before = deployment.kept()
    assert deployment.masked().startswith(JPEG)
    assert deployment.kept() == before + 1


def test_workers_are_scaled(deployment: Deployment) -> None:
    deployment.compose("up", "--detach", "--wait", "--scale", "worker=3")
    assert len(deployment.containers("worker")) == 3
    deployment.compose("up", "--detach", "--wait", "--scale", "worker=1")
    assert len(deployment.containers("worker")) == 1
    assert deployment.masked()


def test_slow_uploads_fit_into_memory(deployment: Deployment) -> None:
    web = deployment.containers("web")[0]
    outcomes = uploads.slow(deployment.key, count=90)
    state = inspected(web)
    deployment.figures["web's memory with 90 slow uploads"] = f"{deployment.most_memory(web) / 2**20:.0f} MiB"
    assert not state["State"]["OOMKilled"] and state["RestartCount"] == 0
    assert set(outcomes) <= {200, 503}, outcomes
    assert outcomes[503], "more was sent than fits"
    deployment.wait_until_healthy()
    assert deployment.masked()


@pytest.mark.parametrize("service", SERVICES)
def test_killed_container_comes_back(deployment: Deployment, service: str) -> None:
    (container,) = deployment.containers(service)
    restarts = inspected(container)["RestartCount"]
    os.kill(inspected(container)["State"]["Pid"], signal.SIGKILL)
    deployment.wait_until(lambda: inspected(container)["RestartCount"] > restarts)
    deployment.wait_until_healthy()


def test_picture_is_masked_after_that(deployment: Deployment) -> None:
    assert deployment.masked().startswith(JPEG)


def test_everything_starts_again_with_what_was_kept(deployment: Deployment) -> None:
    kept, key = deployment.kept(), deployment.key
    deployment.compose("down")
    deployment.measured("up --wait, again", "up", "--detach", "--wait")
    assert deployment.kept() == kept
    assert deployment.key == key and deployment.masked()
    deployment.figures |= {f"memory of {name}": size for name, size in deployment.memory().items()}
