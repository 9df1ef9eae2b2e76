"""The files of compose/, as the programs that they are for would read them."""

import re
import shlex
from pathlib import Path
from typing import Any

import yaml

from core import config

FOLDER = config.ROOT / "compose"
COMPOSE = FOLDER / "compose.yml"
EXAMPLE = FOLDER / ".env.example"
UNITS = FOLDER / "systemd"
SECRET = "f00df00df00d"  # what the tests fill in
# `${NAME}`, `${NAME:-default}` and `${NAME:?message}`; the innermost, because one can stand in another's default.
VARIABLE = re.compile(r"\$\{(\w+)(?:(:-|:\?)([^${}]*))?\}")
ASSIGNMENT = re.compile(r"^(#?)([A-Z][A-Z0-9_]*)=(.*)$", re.MULTILINE)
COMMAND = re.compile(r"face-api(?: [a-z]+)+")


class Missing(Exception):
    """A variable that must be set is not."""


def assigned(text: str) -> dict[str, str]:
    """Return what a file of NAME=value lines sets."""
    return {name: value for mark, name, value in ASSIGNMENT.findall(text) if not mark}


def suggested(text: str) -> dict[str, str]:
    """Return what it would set besides if its commented lines counted."""
    return {name: value for mark, name, value in ASSIGNMENT.findall(text) if mark}


def example() -> dict[str, str]:
    """Return the example's variables, with every secret filled in, and those that the other files need besides."""
    found = {name: value or SECRET for name, value in assigned(EXAMPLE.read_text()).items()}
    return found | {"GRAFANA_PASSWORD": SECRET, "TLS_FOLDER": "/etc/letsencrypt/live/faces.example.org"}


def secrets() -> list[str]:
    return [name for name, value in assigned(EXAMPLE.read_text()).items() if not value]


def interpolated(text: str, variables: dict[str, str]) -> str:
    """Fill in variables as Compose does; Missing names one that has no value and must have one."""

    def value(match: re.Match[str]) -> str:
        name, operator, words = match.groups()
        if operator == ":?" and not variables.get(name):
            raise Missing(name)
        return variables.get(name) or (words if operator == ":-" else "")

    while VARIABLE.search(text):
        text = VARIABLE.sub(value, text)
    return text.replace("$$", "$")


def services(variables: dict[str, str] | None = None) -> dict[str, dict[str, Any]]:
    """Return compose.yml's services, with the variables filled in (the example's, unless others are given)."""
    text = interpolated(COMPOSE.read_text(), example() if variables is None else variables)
    found: dict[str, dict[str, Any]] = yaml.safe_load(text)["services"]
    return found


def dockerfile_of(service: dict[str, Any]) -> str:
    """Return the name of the Dockerfile of an own service's image, which another may build."""
    (found,) = {
        one["build"]["dockerfile"] for one in services().values() if "build" in one and one["image"] == service["image"]
    }
    return str(found).removeprefix("compose/")


def environment(service: dict[str, Any], variables: dict[str, str]) -> dict[str, str]:
    """Return what a container of the service has in its environment, the image's own aside."""
    own: dict[str, str] = service.get("environment", {})
    return (variables if "env_file" in service else {}) | own


def dockerfile(name: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, each as its word and the rest, comments left out."""
    lines = [line for line in (FOLDER / name).read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(maxsplit=1)[0], line.split(maxsplit=1)[1]) for line in joined.splitlines() if line]


def user(service: dict[str, Any]) -> int:
    """Return whom a service runs as."""
    named = service.get("user") or [rest for word, rest in dockerfile(dockerfile_of(service)) if word == "USER"][-1]
    return int(named.partition(":")[0])


def health_options(name: str) -> dict[str, str]:
    """Return how a Dockerfile's health check is done, named as in a compose file."""
    (check,) = [rest for word, rest in dockerfile(name) if word == "HEALTHCHECK"]
    return {
        option.replace("-", "_"): value
        for option, value in re.findall(r"--([a-z-]+)=(\S+)", check.partition("CMD ")[0])
    }


def health_command(name: str) -> str:
    """Return the health check of a Dockerfile as a line for a shell."""
    (check,) = [rest for word, rest in dockerfile(name) if word == "HEALTHCHECK"]
    command = check.partition("CMD ")[2]
    return shlex.join(yaml.safe_load(command)) if command.startswith("[") else command


def texts() -> dict[str, str]:
    """Return the text of every file of the folder, but not of an .env that somebody has filled in."""
    paths = [path for path in FOLDER.rglob("*") if path.is_file() and path.name != ".env"]
    return {str(path.relative_to(FOLDER)): path.read_text() for path in paths}


def named_settings(text: str) -> set[str]:
    return set(re.findall(r"\bFACE_API_[A-Z0-9_]+", text))


def write_program(folder: Path, name: str, script: str) -> None:
    """Put a program of this name into a folder, for a PATH."""
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
