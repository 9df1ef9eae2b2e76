"""What the containers are made of, and what each of them can see and reach."""

import pytest

from tests.compose.test_compose import NEEDED
from tests.containers.deployment import Deployment
from tests.containers.engine import docker, inspected

PROGRAMS = ["web", "worker", "maintenance", "beat"]
SERVERS = {"redis": 6379, "postgres": 5432, "s3": 8333}
IMAGES = ["face-api-web", "face-api-worker"]
# Whose port is reached by whom: what has a server's secret, and nobody else.
USERS = {"redis": "REDIS_URL", "postgres": "DATABASE_URL", "s3": "S3_SECRET_KEY"}
CONFINED = r"""
set -e
grep -q '^CapBnd:\s0*$' /proc/self/status
grep -q '^NoNewPrivs:\s1' /proc/self/status
test "$(id -u)" != 0
! touch /x
"""
ROUTES_OUT = r"! grep -qE '^[a-z0-9]+\s00000000' /proc/net/route"
CONNECT = "import socket; socket.create_connection(('{host}', {port}), timeout=3)"


@pytest.mark.parametrize("image", IMAGES)
def test_image_has_nothing_to_install_with(deployment: Deployment, image: str) -> None:
    deployment.figures[image] = f"{inspected(image)['Size'] / 1e6:.0f} MB"
    left = "find /venv -type d '(' -name pip -o -name setuptools -o -name tests ')' | grep . || true"
    assert docker("run", "--rm", "--entrypoint", "sh", image, "-c", left) == ""


def test_volumes_are_those_of_the_file(deployment: Deployment) -> None:
    names = docker("volume", "ls", "--quiet").split()
    assert sorted(names) == ["face-api_postgres", "face-api_s3", "face-api_weights"]


@pytest.mark.parametrize("service", [*PROGRAMS, *SERVERS])
def test_container_is_confined(deployment: Deployment, service: str) -> None:
    deployment.within(service, CONFINED)


@pytest.mark.parametrize("service", ["worker", "beat", *SERVERS])
def test_container_has_no_way_out(deployment: Deployment, service: str) -> None:
    deployment.within(service, ROUTES_OUT)


@pytest.mark.parametrize("service", PROGRAMS)
def test_program_reaches_only_its_servers(deployment: Deployment, service: str) -> None:
    for server, secret in USERS.items():
        script = (
            f'python -c "{CONNECT.format(host=server, port=SERVERS[server])}" 2>/dev/null && echo reached || echo not'
        )
        reached = deployment.within(service, script).strip() == "reached"
        assert reached == (secret in NEEDED[service]), server


@pytest.mark.parametrize("service", PROGRAMS)
def test_program_sees_no_secret_of_others(deployment: Deployment, service: str) -> None:
    environment = deployment.within(service, "tr '\\0' '\\n' </proc/1/environ")
    password = deployment.secrets["FACE_API_ADMIN_PASSWORD"]
    seen = {name for name, value in deployment.secrets.items() if len(value) >= 24 and value in environment}
    assert (password in environment) == ("ADMIN_PASSWORD" in NEEDED[service])
    assert ("POSTGRES_PASSWORD" in seen) == ("DATABASE_URL" in NEEDED[service] and service != "worker")
    assert ("WORKER_DATABASE_PASSWORD" in seen) == (service == "worker")
    assert ("FACE_API_S3_SECRET_KEY" in seen) == ("S3_SECRET_KEY" in NEEDED[service])


def test_worker_may_do_its_work_in_the_database_alone(deployment: Deployment) -> None:
    query = "import os, sqlalchemy as sa; c = sa.create_engine(os.environ['FACE_API_DATABASE_URL']).connect(); "
    query += "print(c.scalar(sa.text('SELECT count(*) FROM {table}')))"
    assert deployment.within("worker", f'python -c "{query.format(table="batches")}"').strip() == "0"
    refused = deployment.within("worker", f'python -c "{query.format(table="api_keys")}" 2>&1 || true')
    assert "permission denied" in refused


def test_worker_only_reads_models(deployment: Deployment) -> None:
    models = deployment.within("worker", "ls /weights/*.onnx && ! touch /weights/x 2>/dev/null && id -u").split()
    assert models[-1] == "10002"
    assert any("dynamic" in model for model in models), "else each worker would make it at each start"
