"""The detector of settings, as a worker loads it, in this process."""

from core.config import Settings
from core.vision import detector
from core.vision.detector import OnnxDetector
from core.vision.runtimes import choices


def load(settings: Settings) -> OnnxDetector:
    """Choose the model's version, and load it."""
    return detector.load(choices.choose(settings), settings)
