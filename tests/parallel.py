"""How the tests are spread over several processes: what shares a service stays together, and the longest come first.

Each process has servers, databases and ports of its own. A module is run by one process, and so are the modules of each
line of TOGETHER, which share what is costly to start.
"""

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from core.system import cpus

TOGETHER = (
    ("tests/e2e/",),
    ("tests/faults/",),
    ("tests/core/storage/",),
    ("tests/contract/test_admin_batch",),
    # The stacks whose worker or Redis has ended, which /health notices after 20 s.
    (
        "tests/contract/test_limits.py",
        "tests/contract/test_admin_mask.py",
        "tests/contract/test_admin_reviews.py",
        "tests/contract/test_admin_session.py",
        "tests/contract/test_console.py",
        "tests/contract/test_health.py",
        "tests/contract/errors/test_outages.py",
    ),
)
# measured: seconds of CPU, of all processes of a group, on two busy CPUs. What is left to the end should be short.
LONGEST_FIRST = (
    "tests/e2e/",  # 115
    "tests/faults/",
    "tests/integration/test_video_command.py",  # 70
    "tests/core/vision/test_choices.py",  # 55
    "tests/contract/test_limits.py",  # 55, with what belongs together
    "tests/integration/test_batch_runs.py",  # 45
    "tests/core/vision/test_runtimes.py",  # 40
    "tests/integration/test_threads.py",  # 40
    "tests/docs/test_examples.py",  # 40
    "tests/admin/test_up.py",
    "tests/bench/test_performance.py",
    "tests/clients/test_typescript.py",
    "tests/contract/test_concurrency.py",
    "tests/integration/",  # 10 to 35 each
    "tests/fuzz/",
    "tests/core/vision/",
    "tests/contract/",
    "tests/core/storage/",
    "tests/core/database/",
    "tests/admin/",
    "tests/clients/",
)


class Scheduler(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each process one group after another; who has ended takes the next."""

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """Name the tests that one process runs, one after the other."""
    module = nodeid.split("::", maxsplit=1)[0]
    return next((places[0] for places in TOGETHER if module.startswith(places)), module)


def order(nodeid: str) -> int:
    """Return how early a test's group is begun: the lowest first."""
    places = (place for place, prefix in enumerate(LONGEST_FIRST) if nodeid.startswith(prefix))
    return next(places, len(LONGEST_FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the processes of `-n auto`: two more than there are CPUs, because much of a test is waiting.

    measured: all tests take 1,300 to 1,700 s of CPU, where three processes took 1,160 s: under half a CPU each.
    """
    return max(2, cpus.available()) + 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduler:
    config.option.loadscopereorder = False
    return Scheduler(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the groups; within one, pytest's own order stays."""
    if config.getoption("numprocesses", None) or hasattr(config, "workerinput"):
        items.sort(key=lambda item: order(item.nodeid))
