"""Every data set as uint8 tensors, proved by a fingerprint of its pixels, and its captions.

A data set is one file of this room and one entry of ``loaders.LOADERS``: a function that makes its
splits from an installed package, or one that decodes its publisher's files once (``prepare``); from
then on they are read from the cache. ``decode/`` reads files of strangers, ``captions/`` holds the
texts of data sets that have any. What ``load_dataset`` returns is what the registry promises.
"""

from bench.data.dataset import ImageData, ImageSplit, quantise, to_unit_range
from bench.data.loaders import LOADERS, load_dataset

__all__ = ["LOADERS", "ImageData", "ImageSplit", "load_dataset", "quantise", "to_unit_range"]
