"""Extractor ``stl10-48-judge``: the judge of the data set ``stl10-48``."""

from bench.score.extractors.resnet_judge import load, weights_place

__all__ = ["load", "weights_place"]
