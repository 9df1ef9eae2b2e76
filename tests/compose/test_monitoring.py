"""Dashboard, alerts and scrape configuration: they name numbers that there are, and the documents name them."""

import itertools
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from core import config, errors, services
from core.observability.exporter import PORTS_AFTER
from tests import databases
from tests.compose import files, monitoring
from tests.docs import documents
from tests.worker.test_service_metrics import until_up
from worker.service_metrics import ServiceCollector

OPERATIONS = documents.DOCS / "operations.md"
CASES = Path(__file__).parent / "alert_cases.yml"
OUTCOMES = {"ok", "queued", "failed", "delivered"}
GRID = 24
WIDGETS = {"timeseries", "stat"}
OF_PROMETHEUS = {"instance", "job"}


@pytest.fixture(scope="module")
def exported(valkey: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """Return every series that there is, with its labels."""
    settings = config.read(var_dir=tmp_path_factory.mktemp("var"), redis_url=valkey)
    databases.migrate(settings)
    built = services.build(settings)
    collector = ServiceCollector(built)
    until_up(collector, redis=1, database=1, storage=1)
    yield monitoring.exported(collector)
    built.close()


@pytest.fixture(scope="module")
def promtool() -> str:
    """Return Prometheus's own checker; without it the test is skipped."""
    found = shutil.which("promtool")
    if found is None:
        pytest.skip("there is no promtool: Debian and Ubuntu have it in the package prometheus")
    return found


def documented(name: str) -> list[list[str]]:
    """Return the rows of the table of a name in docs/operations.md."""
    text = OPERATIONS.read_text()
    return documents.rows(text.partition(f"<!-- {name} -->")[2].partition(f"<!-- end of {name} -->")[0])


@pytest.mark.parametrize("where", monitoring.expressions())
def test_expression_names_what_there_is(where: str, exported: dict[str, set[str]]) -> None:
    expression = monitoring.expressions()[where]
    found = monitoring.selectors(expression)
    assert found or "up{" in expression
    labels = set().union(*(exported[one.name] for one in found)) if found else OF_PROMETHEUS
    assert monitoring.grouped_by(expression) <= labels
    for one in found:
        assert {label for label, _ in one.matchers} <= exported[one.name]


@pytest.mark.parametrize("where", monitoring.expressions())
def test_expression_compares_with_values_that_occur(where: str) -> None:
    codes = {error.code for error in errors.leaves()} | OUTCOMES
    for one in monitoring.selectors(monitoring.expressions()[where]):
        named = [value for label, value in one.matchers if label in {"code", "outcome"}]
        assert {code for value in named for code in value.split("|")} <= codes


def test_every_number_is_documented(exported: dict[str, set[str]]) -> None:
    ends = re.compile(f"(?:{'|'.join(monitoring.HISTOGRAM_ENDS)})$")
    table = {
        name: (set(documents.coded(labels)), programs)
        for names, programs, labels, _ in documented("metrics")
        for name in documents.coded(names)
    }
    histograms = {ends.sub("", name) for name, labels in exported.items() if "le" in labels}
    plain = {name: labels for name, labels in exported.items() if "le" not in labels}
    assert table.keys() == plain.keys() | histograms
    assert {name: table[name][0] for name in plain} == plain
    assert {program for _, programs in table.values() for program in programs.split(", ")} == {"all", *PORTS_AFTER}


def test_every_alert_says_what_to_do() -> None:
    table = {documents.coded(name)[0]: (severity, action) for name, severity, _, action in documented("alerts")}
    assert {name: severity for name, (severity, _) in table.items()} == {
        rule["alert"]: rule["labels"]["severity"] for rule in monitoring.rules()
    }
    assert all(action for _, action in table.values())
    assert all(rule["annotations"]["summary"] for rule in monitoring.rules())


def test_panels_of_dashboard_are_whole() -> None:
    shown = monitoring.dashboard()
    every = shown["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    assert len({panel["title"] for panel in monitoring.panels()}) == len(monitoring.panels())
    (source,) = shown["templating"]["list"]
    for panel in monitoring.panels():
        assert panel["type"] in WIDGETS
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert len({one["refId"] for one in panel["targets"]}) == len(panel["targets"]) > 0
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": source["query"], "uid": f"${{{source['name']}}}"}


def test_panels_of_dashboard_do_not_overlap() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in monitoring.dashboard()["panels"]:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= GRID
        cells = set(itertools.product(range(at["x"], at["x"] + at["w"]), range(at["y"], at["y"] + at["h"])))
        assert not cells & taken, panel["title"]
        taken |= cells


def test_scrapes_ask_where_programs_answer() -> None:
    overlay = yaml.safe_load(monitoring.OVERLAY.read_text())["services"]
    asked = {}
    for job in yaml.safe_load(monitoring.SCRAPES.read_text())["scrape_configs"]:
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        assert job["job_name"] == f"face-api-{name}"
        asked[name] = found["port"]
    told = {name: overlay[name]["environment"] for name in PORTS_AFTER}
    assert asked == {name: int(told[name]["FACE_API_METRICS_PORT"]) + after for name, after in PORTS_AFTER.items()}
    assert {one["FACE_API_METRICS_HOST"] for one in told.values()} == {"0.0.0.0"}  # noqa: S104  # of a container


def test_overlay_adds_to_the_service() -> None:
    overlay = yaml.safe_load(monitoring.OVERLAY.read_text())
    own = {"prometheus", "grafana"}
    assert overlay["services"].keys() - files.services().keys() == own
    for name in own:
        service = overlay["services"][name]
        assert re.search(r":v?\d+\.\d+\.\d+$", service["image"])
        assert service["read_only"] and service["cap_drop"] == ["ALL"] and service["healthcheck"]
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert (files.FOLDER / source).is_file() if source.startswith(".") else source in overlay["volumes"]
    assert overlay["services"]["prometheus"].get("ports") is None


def test_promtool_accepts_the_files(promtool: str, tmp_path: Path) -> None:
    """The expressions of the dashboard, too, as rules."""
    of_panels = [
        {"record": f"panel:{number}", "expr": one["expr"].replace("$__rate_interval", "1m")}
        for number, one in enumerate(one for panel in monitoring.panels() for one in panel["targets"])
    ]
    rules = tmp_path / "panels.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": of_panels}]}))
    for arguments in (["config", str(monitoring.SCRAPES)], ["rules", str(monitoring.ALERTS), str(rules)]):
        checked = subprocess.run([promtool, "check", *arguments], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_alerts_fire_when_they_should(promtool: str) -> None:
    checked = subprocess.run([promtool, "test", "rules", str(CASES)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_every_alert_has_a_case() -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one["exp_alerts"]}
    assert fired == {rule["alert"] for rule in monitoring.rules()}
