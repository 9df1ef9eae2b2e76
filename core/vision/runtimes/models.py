"""The families of models, and loading a version of one."""

from core.vision.families import centerface, scrfd
from core.vision.passes import ModelFamily, Runner
from core.vision.runtimes.cuda_runtime import CudaNetwork
from core.vision.runtimes.networks import IdleCpus, Network, no_idle_cpus
from core.vision.runtimes.onnx_runtime import OrtNetwork
from core.weights.versions import ModelVersion

FAMILIES: dict[str, ModelFamily] = {"scrfd": scrfd, "centerface": centerface}


def load(version: ModelVersion, threads: int, idle_cpus: IdleCpus = no_idle_cpus) -> Runner:
    """Load a version of a model. threads: that one run of it uses, beside CPUs that are idle."""
    return Runner(_network(version, threads, idle_cpus), FAMILIES[version.entry.family])


def _network(version: ModelVersion, threads: int, idle_cpus: IdleCpus) -> Network:
    if version.runtime == "cuda":
        return CudaNetwork(version.path)
    if version.runtime == "openvino":
        from core.vision.runtimes.openvino_runtime import OpenVinoNetwork

        return OpenVinoNetwork(version.path, threads)
    return OrtNetwork(version.path, threads, idle_cpus)
