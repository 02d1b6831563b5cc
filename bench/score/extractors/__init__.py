"""Feature networks that the metrics look through: one page per network, and the table of them."""

from bench.score.extractors.base import FeatureExtractor
from bench.score.extractors.table import (
    EXTRACTORS,
    load_extractor,
    require_extractor,
    weights_place,
)

__all__ = [
    "EXTRACTORS",
    "FeatureExtractor",
    "load_extractor",
    "require_extractor",
    "weights_place",
]
