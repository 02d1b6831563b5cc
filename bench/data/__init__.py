"""Data sets as uint8 tensors, pinned by a fingerprint of the decoded pixels."""

from bench.data.dataset import ImageData, ImageSplit, load_dataset

__all__ = ["ImageData", "ImageSplit", "load_dataset"]
