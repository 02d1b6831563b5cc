"""Feature networks that the metrics look through, one module per extractor."""

from bench.score.extractors.base import FeatureExtractor, load_extractor

__all__ = ["FeatureExtractor", "load_extractor"]
