"""Extractor ``mnist-judge``: the judge of the data set ``mnist``."""

from bench.score.extractors.resnet_judge import load, weights_place

__all__ = ["load", "weights_place"]
