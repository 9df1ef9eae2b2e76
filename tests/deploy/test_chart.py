"""The Helm chart: well formed for every values file, valid for Kubernetes, and as the programs need it."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from click.testing import CliRunner

from admin.main import main
from core import config
from core.config import Settings
from tests.compose import files, monitoring
from tests.deploy import helm
from tests.deploy.helm import Manifest

pytestmark = pytest.mark.slow  # each test starts Helm
VALUES = [pytest.param(path, id=path.stem if path else "default") for path in helm.values()]
FULL = helm.VALUES / "full.yaml"
OLDEST, NEWEST = "1.27", kubernetes_validate.latest_version()
WITHOUT_SCHEMA = {"keda.sh/v1alpha1", "monitoring.coreos.com/v1"}  # not of Kubernetes
SECRETS = {
    "FACE_API_REDIS_URL": "redis://:secret@redis:6379/0",
    "FACE_API_DATABASE_URL": "postgresql+psycopg2://face-api:secret@postgres/face-api",
    "FACE_API_S3_ACCESS_KEY": "access",
    "FACE_API_S3_SECRET_KEY": "secret",
    "FACE_API_ADMIN_PASSWORD": "correct horse battery",
    "WORKER_DATABASE_PASSWORD": "secret",
    "FACE_API_WEBHOOK_SECRET": "whsec_" + base64.b64encode(bytes(32)).decode(),
    "FACE_API_OIDC_CLIENT_SECRET": "secret",
}
METERED = {"web", "worker", "maintenance"}
EVERYBODYS = {"FACE_API_REDIS_URL", "FACE_API_DATABASE_URL", "FACE_API_S3_ACCESS_KEY", "FACE_API_S3_SECRET_KEY"}
NEEDED = {
    "web": {*EVERYBODYS, "FACE_API_ADMIN_PASSWORD", "FACE_API_WEBHOOK_SECRET", "FACE_API_OIDC_CLIENT_SECRET"},
    "worker": EVERYBODYS,
    "maintenance": {*EVERYBODYS, "FACE_API_WEBHOOK_SECRET"},
    "beat": {"FACE_API_REDIS_URL"},
    "migrate": {"FACE_API_DATABASE_URL", "WORKER_DATABASE_PASSWORD"},
}


def of_kind(documents: list[Manifest], kind: str) -> dict[str, Manifest]:
    found = [document for document in documents if document["kind"] == kind]
    return {document["metadata"]["labels"]["app.kubernetes.io/component"]: document for document in found}


@pytest.mark.parametrize("values", VALUES)
def test_chart_is_linted(values: Path | None) -> None:
    ran = helm.run("lint", "--strict", str(helm.CHART), *(["--values", str(values)] if values else []))
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
@pytest.mark.parametrize("values", VALUES)
def test_manifests_are_valid(values: Path | None, version: str) -> None:
    documents = helm.rendered(values)
    known = [document for document in documents if document["apiVersion"] not in WITHOUT_SCHEMA]
    for document in known:
        kubernetes_validate.validate(document, version, strict=True)
    assert {one["kind"] for one in documents if one not in known} <= {"ScaledObject", "ServiceMonitor"}


def test_validation_notices_a_misspelling() -> None:
    document = json.loads(json.dumps(of_kind(helm.rendered(None), "Deployment")["web"]))
    document["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, NEWEST, strict=True)


@pytest.mark.parametrize(
    "setting",
    [
        "web.replica=3",
        "web.replicas=0",
        "worker.autoscaling.kind=magic",
        "settings.FACE_API_ADMIN_PASSWORD=secret",
        "settings.LOG_LEVEL=info",
        "settings.FACE_API_QUEUE_LIMIT=64",  # a number: every value of an environment is a text
        "weights.model=auto",
        "secrets.redis.name=",
        "ingress.enabled=true",  # and no host
        "networkPolicy.redis.ports={}",
        "metrics.service.enabled=true",  # and no port
        "settings.FACE_API_METRICS_PORT=9464",
    ],
)
def test_wrong_values_are_refused(setting: str) -> None:
    ran = helm.run("template", "release", str(helm.CHART), "--set", setting)
    assert ran.returncode and "schema" in ran.stderr, ran.stdout[:200]


@pytest.mark.parametrize("values", VALUES)
def test_nobody_is_root_or_can_write(values: Path | None) -> None:
    found = helm.pods(helm.rendered(values))
    assert set(found) == set(NEEDED)
    for pod in found.values():
        spec = pod["spec"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False, "a service named face-api would set FACE_API_PORT"
        assert spec["securityContext"]["runAsNonRoot"] and spec["securityContext"]["runAsUser"] == 10001
        assert {"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "64Mi"}} in spec["volumes"]
        for container in helm.containers(pod):
            own: Manifest = {"runAsUser": 10002} if container["name"] == "worker" else {}
            assert container["securityContext"] == own | {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }
            assert {"requests", "limits"} == set(container["resources"])
            assert "memory" in container["resources"]["limits"]


@pytest.mark.parametrize("values", VALUES)
def test_settings_are_taken(values: Path | None, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = helm.rendered(values)
    for component, pod in helm.pods(documents).items():
        for container in helm.containers(pod):
            given = helm.environment(container, documents, SECRETS)
            with monkeypatch.context() as patch:
                for name in [*os.environ]:
                    if name.startswith(config.PREFIX):
                        patch.delenv(name)
                for name, value in given.items():
                    patch.setenv(name, value)
                read: Settings = config.read(_env_file=None)
                assert config.unknown() == {}
            assert read.keeps_pictures == (read.s3_endpoint != "") or component in ("beat", "migrate", "worker")
            assert read.webhook_secret.get_secret_value() == given.get("FACE_API_WEBHOOK_SECRET", "")


def test_each_program_has_its_own_secrets() -> None:
    pods = helm.pods(helm.rendered(FULL))
    found = {name: helm.secret_names(pod["spec"]["containers"][0]) for name, pod in pods.items()}
    assert found == NEEDED
    assert helm.secret_names(pods["worker"]["spec"]["initContainers"][0]) == set()


@pytest.mark.parametrize("values", VALUES)
def test_programs_are_those_of_compose(values: Path | None) -> None:
    pods = helm.pods(helm.rendered(values))
    for pod in pods.values():
        for container in helm.containers(pod):
            program, *arguments = container["args"]
            assert program == "face-api"
            assert CliRunner().invoke(main, [*arguments, "--help"]).exit_code == 0
    services = files.services()
    for name in ("maintenance", "beat"):
        assert pods[name]["spec"]["containers"][0]["args"] == services[name]["command"].split()
        command = pods[name]["spec"]["containers"][0]["readinessProbe"]["exec"]["command"]
        assert f'python -c "{command[2]}"' == services[name]["healthcheck"]["test"]


def test_probes_ask_what_images_ask() -> None:
    pods = helm.pods(helm.rendered(None))
    worker, web = (pods[name]["spec"]["containers"][0] for name in ("worker", "web"))
    expected = " ".join(files.health_command("worker.Dockerfile").split())
    for probe in ("startupProbe", "readinessProbe"):
        assert " ".join(worker[probe]["exec"]["command"][2].split()) == expected
    assert "livenessProbe" not in worker
    paths = {name: web[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/health/live", "liveness": "/health/live", "readiness": "/health/ready"}


def test_calls_in_flight_end() -> None:
    pods = helm.pods(helm.rendered(None))
    settings = Settings(_env_file=None)
    needed = {"web": settings.grace_s + 6 + 5, "worker": settings.job_timeout_s}
    for name, seconds in needed.items():
        assert pods[name]["spec"]["terminationGracePeriodSeconds"] > seconds


@pytest.mark.parametrize("values", VALUES)
def test_there_is_one_clock(values: Path | None) -> None:
    deployments = of_kind(helm.rendered(values), "Deployment")
    for name in ("beat", "maintenance"):
        assert deployments[name]["spec"]["replicas"] == 1
        assert deployments[name]["spec"]["strategy"] == {"type": "Recreate"}


def test_tables_are_migrated_first() -> None:
    documents = helm.rendered(FULL)
    (job,) = of_kind(documents, "Job").values()
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    (container,) = helm.containers(helm.pods(documents)["migrate"])
    assert "envFrom" not in container, "at the first installation the chart's settings are not there yet"


@pytest.mark.parametrize("values", VALUES)
def test_workers_are_scaled_by_one(values: Path | None) -> None:
    documents = helm.rendered(values)
    scalers = [one for one in documents if one["kind"] in ("HorizontalPodAutoscaler", "ScaledObject")]
    worker = of_kind(documents, "Deployment")["worker"]
    assert len(scalers) == ("replicas" not in worker["spec"]), "an upgrade would undo what was scaled"
    assert all(one["spec"]["scaleTargetRef"]["name"] == worker["metadata"]["name"] for one in scalers)
    assert set(of_kind(documents, "PodDisruptionBudget")) == {"web", "worker"}


def ways_out(policy: Manifest) -> set[int]:
    return {port["port"] for rule in policy["spec"]["egress"] for port in rule["ports"]}


def test_policies_close_every_pod() -> None:
    policies = of_kind(helm.rendered(FULL), "NetworkPolicy")
    pods = helm.pods(helm.rendered(FULL))
    assert set(policies) == set(pods)
    for name, policy in policies.items():
        assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
        labels: dict[str, Any] = policy["spec"]["podSelector"]["matchLabels"]
        assert labels.items() <= pods[name]["metadata"]["labels"].items()
        ways_in = [port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]]
        assert ways_in == ["http"] * (name == "web") + ["metrics"] * (name in METERED)
    assert {name: ways_out(policy) for name, policy in policies.items()} == {
        "web": {53, 6379, 5432, 443},
        "worker": {53, 6379, 5432, 443},
        "maintenance": {53, 6379, 5432, 443, 80},
        "beat": {53, 6379},
        "migrate": {53, 5432},
    }
    (to_s3,) = [
        rule for rule in policies["worker"]["spec"]["egress"] if rule["ports"] == [{"port": 443, "protocol": "TCP"}]
    ]
    assert to_s3["to"], "a worker whose model is in a volume reaches nobody else"


def test_numbers_have_a_port_each() -> None:
    documents = helm.rendered(FULL)
    opened = {
        name: {one["name"]: one["containerPort"] for one in pod["spec"]["containers"][0].get("ports", [])}
        for name, pod in helm.pods(documents).items()
    }
    assert {name: ports.get("metrics") for name, ports in opened.items()} == {
        "web": 9464,
        "worker": 9465,
        "maintenance": 9466,
        "beat": None,
        "migrate": None,
    }
    (settings,) = [one["data"] for one in documents if one["kind"] == "ConfigMap"]
    assert (settings["FACE_API_METRICS_PORT"], settings["FACE_API_METRICS_HOST"]) == ("9464", "0.0.0.0")  # noqa: S104


def test_prometheus_finds_the_numbers() -> None:
    documents = helm.rendered(FULL)
    service = of_kind(documents, "Service")["metrics"]
    monitor = of_kind(documents, "ServiceMonitor")["metrics"]
    pods = helm.pods(documents)
    chosen = {
        name for name, pod in pods.items() if service["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    }
    assert chosen >= METERED
    assert service["spec"]["ports"][0]["targetPort"] == "metrics"
    assert service["metadata"]["annotations"] == {"example.org/team": "faces"}
    labels = monitor["spec"]["selector"]["matchLabels"]
    assert labels.items() <= service["metadata"]["labels"].items()
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    # The alerts look for jobs of these names.
    scraped = {one["job_name"] for one in yaml.safe_load(monitoring.SCRAPES.read_text())["scrape_configs"]}
    assert scraped == {f"face-api-{name}" for name in METERED}
    (relabeling,) = monitor["spec"]["endpoints"][0]["relabelings"]
    assert relabeling["replacement"] == "face-api-$1"


def test_without_numbers_no_port_is_open() -> None:
    documents = helm.rendered(None)
    assert "metrics" not in of_kind(documents, "Service")
    assert "METRICS" not in json.dumps(documents) and '"metrics"' not in json.dumps(helm.pods(documents))


def test_worker_only_reads_models() -> None:
    pod = helm.pods(helm.rendered(None))["worker"]["spec"]
    reads = {one["name"]: one.get("readOnly", False) for one in pod["containers"][0]["volumeMounts"]}
    assert reads == {"tmp": False, "weights": True}


def test_workers_log_in_with_a_role_of_their_own() -> None:
    given = {}
    for values in (FULL, None):
        variables = helm.pods(helm.rendered(values))["worker"]["spec"]["containers"][0]["env"]
        (url,) = [one["valueFrom"]["secretKeyRef"] for one in variables if one["name"] == "FACE_API_DATABASE_URL"]
        given[values] = url["name"]
    assert given == {FULL: "worker-database", None: "face-api-database"}


def test_notes_tell_what_is_missing() -> None:
    ran = helm.run("install", "release", str(helm.CHART), "--dry-run=client")
    assert "Nothing is stored: s3.endpoint is empty" in ran.stdout, ran.stderr
    assert "There is no NetworkPolicy" not in ran.stdout
