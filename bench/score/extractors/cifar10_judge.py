"""Extractor ``cifar10-judge``: the judge of the data set ``cifar10``."""

from bench.score.extractors.resnet_judge import load, weights_place

__all__ = ["load", "weights_place"]
