"""Extractor ``celeba-64-judge``: the judge of the data set ``celeba-64``."""

from bench.score.extractors.resnet_judge import load, weights_place

__all__ = ["load", "weights_place"]
