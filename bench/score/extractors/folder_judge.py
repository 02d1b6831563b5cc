"""Extractor ``folder-judge``: the judge of the data set ``folder``."""

from bench.score.extractors.resnet_judge import load, weights_place

__all__ = ["load", "weights_place"]
