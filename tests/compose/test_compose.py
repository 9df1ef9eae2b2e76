"""compose.yml and .env.example: they agree with the settings and keep what docs/deployment.md promises."""

import stat
import subprocess
from pathlib import Path

import pytest
import yaml

from core import config
from tests.compose import files
from tests.compose.files import Missing
from tests.docs import documents

OWN = ["web", "worker", "maintenance", "beat", "migrate", "weights"]
ONE_SHOT = ["migrate", "weights"]
STORES = ["redis", "postgres", "s3"]
SERVICES = files.services()
LONG_RUNNING = [name for name in SERVICES if name not in ONE_SHOT]


def test_services_are_those_that_tests_know() -> None:
    assert sorted(SERVICES) == sorted([*OWN, *STORES])


@pytest.mark.parametrize("file", sorted(files.texts()))
def test_named_settings_exist(file: str) -> None:
    assert files.named_settings(files.texts()[file]) <= set(config.names())


@pytest.mark.parametrize("suggestions", [False, True])
@pytest.mark.parametrize("name", OWN)
def test_settings_of_service_load(
    name: str, suggestions: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    variables = files.example()
    if suggestions:
        variables |= files.suggested(files.EXAMPLE.read_text())
    monkeypatch.chdir(tmp_path)
    for variable, value in files.environment(files.services(variables)[name], variables).items():
        monkeypatch.setenv(variable, value)
    settings = config.read()
    assert config.unknown() == {}
    assert (settings.port, str(settings.weights_dir)) == (8000, "/weights")
    assert settings.host == "0.0.0.0"  # noqa: S104  # of the container, whose network is its own
    assert settings.keeps_pictures
    assert settings.s3_endpoint == variables.get("FACE_API_S3_ENDPOINT", "http://s3:8333")
    assert settings.database_url == variables.get(
        "FACE_API_DATABASE_URL", f"postgresql+psycopg2://face-api:{files.SECRET}@postgres/face-api"
    )


@pytest.mark.parametrize("secret", files.secrets())
def test_missing_secret_is_refused(secret: str) -> None:
    with pytest.raises(Missing, match=secret):
        files.services(files.example() | {secret: ""})


def test_variables_are_all_in_the_example() -> None:
    text = files.EXAMPLE.read_text()
    used = {name for name, _, _ in files.VARIABLE.findall(files.COMPOSE.read_text())}
    # Another stands in the default of each, which hides it from the pattern.
    used |= {"FACE_API_DATABASE_URL", "FACE_API_REDIS_URL"}
    assert used <= {*files.assigned(text), *files.suggested(text)}


def test_documented_command_fills_every_secret(tmp_path: Path) -> None:
    lines = (documents.DOCS / "deployment.md").read_text().splitlines()
    (command,) = [line for line in lines if line.startswith("(umask 077; while read")]
    (tmp_path / ".env.example").write_text(files.EXAMPLE.read_text())
    subprocess.run(["sh", "-euc", command], cwd=tmp_path, check=True)
    filled = files.assigned((tmp_path / ".env").read_text())
    made = [filled[name] for name in files.secrets()]
    assert all(len(value) == 48 and value.isalnum() for value in made)
    assert len(set(made)) == len(made)
    assert filled.keys() == files.assigned(files.EXAMPLE.read_text()).keys()
    assert filled["COMPOSE_PROFILES"] == "postgres,s3"
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_worker_has_no_admin_password() -> None:
    variables = files.example()
    assert files.environment(SERVICES["worker"], variables)["FACE_API_ADMIN_PASSWORD"] == ""
    assert files.environment(SERVICES["web"], variables)["FACE_API_ADMIN_PASSWORD"] == files.SECRET


def test_only_web_publishes_a_port() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


@pytest.mark.parametrize("name", STORES)
def test_stores_are_internal(name: str) -> None:
    networks = yaml.safe_load(files.COMPOSE.read_text())["networks"]
    assert SERVICES[name]["networks"] == ["inside"]
    assert networks["inside"]["internal"] is True


@pytest.mark.parametrize("name", SERVICES)
def test_services_are_confined(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert float(service["cpus"]) > 0
    assert service["pids_limit"] > 0
    assert service["logging"]["options"]["max-size"]


@pytest.mark.parametrize("name", ["web", "worker", "redis"])
def test_pictures_are_not_swapped(name: str) -> None:
    assert SERVICES[name]["memswap_limit"] == SERVICES[name]["mem_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_services_do_not_run_as_root(name: str) -> None:
    service = SERVICES[name]
    user = service.get("user")
    if user is None:
        file = service["build"]["dockerfile"].removeprefix("compose/")
        user = [rest for word, rest in files.dockerfile(file) if word == "USER"][-1]
    assert int(user.partition(":")[0]) > 0


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_long_running_services_are_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    if "healthcheck" in service:
        assert service["healthcheck"]["test"]
    else:
        assert files.health_command(service["build"]["dockerfile"].removeprefix("compose/"))


@pytest.mark.parametrize("name", ONE_SHOT)
def test_one_shots_are_not_repeated(name: str) -> None:
    assert SERVICES[name]["restart"] == "no"
    assert SERVICES[name]["healthcheck"] == {"disable": True}


def test_services_wait_for_what_they_need() -> None:
    for name in ("web", "worker", "maintenance", "beat"):
        waits = SERVICES[name]["depends_on"]
        assert waits["migrate"] == {"condition": "service_completed_successfully"}
        assert waits["redis"] == {"condition": "service_healthy"}
    assert SERVICES["worker"]["depends_on"]["weights"] == {"condition": "service_completed_successfully"}
    assert SERVICES["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_replaceable_stores_can_be_left_out() -> None:
    for name in ("postgres", "s3"):
        assert SERVICES[name]["profiles"] == [name]
        waits = [service["depends_on"][name] for service in SERVICES.values() if name in service.get("depends_on", {})]
        assert waits
        assert all(wait["required"] is False for wait in waits)


def test_workers_can_be_scaled() -> None:
    assert not {"ports", "container_name", "hostname"} & SERVICES["worker"].keys()


@pytest.mark.parametrize("name", STORES)
def test_images_of_others_have_a_version(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert tag[:1].isdigit()
