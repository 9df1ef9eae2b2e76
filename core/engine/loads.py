"""How much the engine has to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EngineLoad:
    """What the queue holds, and who works on it. calls: in flight, waiting or running; processes: of all workers."""

    calls: int
    workers: int
    processes: int

    @property
    def running(self) -> int:
        return min(self.calls, self.processes)

    @property
    def waiting(self) -> int:
        return self.calls - self.running
