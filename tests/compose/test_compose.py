"""compose.yml and .env.example: they agree with the settings and keep what docs/deployment.md promises."""

import base64
import stat
import subprocess
from pathlib import Path

import pytest
import yaml
from pydantic import SecretStr

from core import config
from core.config import Settings
from tests.compose import files
from tests.compose.files import Missing
from tests.docs import documents

OWN = ["web", "worker", "maintenance", "beat", "migrate", "weights"]
ONE_SHOT = ["migrate", "weights"]
HOMES = {"redis": "inside", "postgres": "database", "s3": "store"}
STORES = [*HOMES]
# What each program needs that others must not have: by what its settings are called, or its server.
NEEDED = {
    "web": {
        *("ADMIN_PASSWORD", "DATABASE_URL", "OIDC_CLIENT_SECRET", "REDIS_URL"),
        *("S3_ACCESS_KEY", "S3_SECRET_KEY", "WEBHOOK_SECRET"),
    },
    "worker": {"DATABASE_URL", "REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY"},
    "maintenance": {"DATABASE_URL", "REDIS_URL", "S3_ACCESS_KEY", "S3_SECRET_KEY", "WEBHOOK_SECRET"},
    "beat": {"REDIS_URL"},
    "migrate": {"DATABASE_URL", "WORKER_DATABASE_PASSWORD"},
    "weights": set(),
}
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
        variables["FACE_API_WEBHOOK_SECRET"] = f"whsec_{base64.b64encode(bytes(32)).decode()}"  # it can't be suggested
    monkeypatch.chdir(tmp_path)
    for variable, value in files.environment(files.services(variables)[name], variables).items():
        monkeypatch.setenv(variable, value)
    settings = config.read()
    assert config.unknown() == {}
    assert str(settings.weights_dir) == "/weights"
    if name == "web":
        assert (settings.port, settings.host) == (8000, "0.0.0.0")  # noqa: S104  # of the container, whose network is its own
    store = variables.get("FACE_API_S3_ENDPOINT", "http://s3:8333")
    assert settings.s3_endpoint == (store if "S3_ACCESS_KEY" in NEEDED[name] else "")
    role = "face-api-worker" if name == "worker" else "face-api"
    database = f"postgresql+psycopg2://{role}:{files.SECRET}@postgres/face-api"
    database = variables.get("FACE_API_DATABASE_URL", database)
    if name == "worker":
        database = variables.get("WORKER_DATABASE_URL", database)
    assert settings.database_url == (database if "DATABASE_URL" in NEEDED[name] else "")


@pytest.mark.parametrize("secret", files.secrets())
def test_missing_secret_is_refused(secret: str) -> None:
    with pytest.raises(Missing, match=secret):
        files.services(files.example() | {secret: ""})


def test_variables_are_all_in_the_example() -> None:
    text = files.EXAMPLE.read_text()
    used = {name for name, _, _ in files.VARIABLE.findall(files.COMPOSE.read_text())}
    # Another stands in the default of each, which hides it from the pattern.
    used |= {"FACE_API_DATABASE_URL", "FACE_API_REDIS_URL", "WORKER_DATABASE_URL"}
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


def secret_settings() -> set[str]:
    """Return the settings that hold secrets, some of them within a URL."""
    hidden = {name for name, field in Settings.model_fields.items() if isinstance(field.default, SecretStr)}
    named = {f"FACE_API_{name.upper()}" for name in hidden} | {"FACE_API_DATABASE_URL", "FACE_API_REDIS_URL"}
    return named | {"WORKER_DATABASE_PASSWORD"}


@pytest.mark.parametrize("name", OWN)
def test_each_program_has_its_own_secrets(name: str) -> None:
    assert NEEDED[name] <= {secret.removeprefix("FACE_API_") for secret in secret_settings()}
    variables = files.example() | dict.fromkeys(secret_settings(), files.SECRET)
    given = files.environment(files.services(variables)[name], variables)
    secrets = {variable for variable, value in given.items() if files.SECRET in value}
    assert {variable.removeprefix("FACE_API_") for variable in secrets} == NEEDED[name]


@pytest.mark.parametrize("name", ["worker", "beat"])
def test_what_needs_no_way_out_has_none(name: str) -> None:
    assert all(internal(network, {}) for network in SERVICES[name]["networks"])
    assert not all(internal(network, {"SERVERS_INSIDE": "false"}) for network in SERVICES[name]["networks"])


def internal(network: str, variables: dict[str, str]) -> bool:
    text = files.interpolated(files.COMPOSE.read_text(), files.example() | variables)
    found = (yaml.safe_load(text)["networks"][network] or {}).get("internal", False)
    return found in (True, "true")


def test_each_server_is_reached_by_its_users_alone() -> None:
    on = {server: {name for name in SERVICES if users in SERVICES[name]["networks"]} for server, users in HOMES.items()}
    assert on == {
        "redis": {"redis", "web", "worker", "maintenance", "beat"},
        "postgres": {"postgres", "web", "worker", "maintenance", "migrate"},
        "s3": {"s3", "web", "worker", "maintenance"},
    }


def test_models_are_written_by_one_program_alone() -> None:
    mounts = {
        name: service["volumes"] for name, service in SERVICES.items() if "weights" in str(service.get("volumes"))
    }
    assert mounts == {"worker": ["weights:/weights:ro"], "weights": ["weights:/weights"]}
    users = {name: files.user(SERVICES[name]) for name in ("worker", "weights", "maintenance", "beat")}
    assert users.pop("worker") not in users.values()
    assert not any(word == "VOLUME" for word, _ in files.dockerfile("worker.Dockerfile")), "others would get it as well"


def test_models_are_made_with_enough_memory() -> None:
    assert SERVICES["weights"]["mem_limit"] == "2g", "1.4 GB are needed for int8"


def test_each_image_is_built_once() -> None:
    built = [service["image"] for service in SERVICES.values() if "build" in service]
    assert sorted(built) == ["face-api-web", "face-api-worker"]
    assert {SERVICES[name]["image"] for name in OWN} == set(built)


def test_worker_has_a_role_of_its_own() -> None:
    variables = files.example() | {"POSTGRES_PASSWORD": "owners" * 4, "WORKER_DATABASE_PASSWORD": "workers" * 4}
    services = files.services(variables)
    given = {name: str(files.environment(services[name], variables)) for name in OWN}
    assert {name for name in OWN if "owners" in given[name]} == {"web", "maintenance", "migrate"}
    assert {name for name in OWN if "workers" in given[name]} == {"worker", "migrate"}
    elsewhere = files.services(variables | {"FACE_API_DATABASE_URL": "postgresql://elsewhere"})
    assert elsewhere["worker"]["environment"]["FACE_API_DATABASE_URL"] == "postgresql://elsewhere"


def test_only_web_publishes_a_port() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "web": ["127.0.0.1:8000:8000"]
    }


@pytest.mark.parametrize("name", STORES)
def test_stores_are_internal(name: str) -> None:
    assert SERVICES[name]["networks"] == [HOMES[name]]
    assert internal(HOMES[name], {})


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


@pytest.mark.parametrize("name", ["web", "worker", "maintenance", "redis", "s3"])
def test_pictures_are_not_swapped(name: str) -> None:
    assert SERVICES[name]["memswap_limit"] == SERVICES[name]["mem_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_services_do_not_run_as_root(name: str) -> None:
    assert files.user(SERVICES[name]) > 0


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_long_running_services_are_watched(name: str) -> None:
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    if "healthcheck" in service:
        assert service["healthcheck"]["test"]
    else:
        assert files.health_command(files.dockerfile_of(service))


@pytest.mark.parametrize("name", LONG_RUNNING)
def test_health_is_asked_often_while_it_starts(name: str) -> None:
    check = SERVICES[name].get("healthcheck") or files.health_options(files.dockerfile_of(SERVICES[name]))
    seconds = {
        option: int(check[option].removesuffix("s")) for option in ("start_interval", "interval", "start_period")
    }
    assert seconds["start_interval"] <= 3 < seconds["interval"] <= 30
    assert seconds["start_period"] >= 10, "without one the first check comes after a whole interval"


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
