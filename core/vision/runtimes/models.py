"""The families of models, and loading a version of one."""

from core.vision import centerface, scrfd
from core.vision.passes import ModelFamily, Runner
from core.vision.runtimes.onnx_runtime import OrtNetwork
from core.weights.versions import ModelVersion

FAMILIES: dict[str, ModelFamily] = {"scrfd": scrfd, "centerface": centerface}


def load(version: ModelVersion, threads: int) -> Runner:
    """Load a version of a model. threads: that one run of it uses."""
    return Runner(OrtNetwork(version.path, threads), FAMILIES[version.entry.family])
