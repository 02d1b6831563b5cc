"""scikit-learn's 1,797 handwritten digits at 16 x 16: real images that need no download.

The 8 x 8 originals hold integers 0 .. 16. They are scaled to 0 .. 255, enlarged bilinearly
(half-pixel centres, no corner alignment) and rounded. The three splits come from an index list
in this package, stratified by class, so that they never depend on a library's random state.
"""

from __future__ import annotations

import json
from importlib.resources import files

import numpy as np
import torch
from torch.nn import functional as F

from bench.data.dataset import ImageSplit, Splits
from catalog.schema import Dataset


def load(dataset: Dataset) -> Splits:
    """All splits of the digits, (N, 1, 16, 16) uint8."""
    from sklearn.datasets import load_digits

    raw = load_digits()
    small = torch.from_numpy(raw.images.astype(np.float32)).unsqueeze(1)  # (1797, 1, 8, 8)
    size = dataset.resolution
    large = F.interpolate(small * (255.0 / 16.0), (size, size), mode="bilinear")
    images = large.round_().clamp_(0, 255).to(torch.uint8)  # (1797, 1, 16, 16)
    labels = torch.from_numpy(raw.target.astype(np.int64))
    indices = json.loads(files("bench.data").joinpath("digits_splits.json").read_text())
    return {
        name: ImageSplit(images[chosen], labels[chosen])
        for name, chosen in ((name, torch.tensor(list_)) for name, list_ in indices.items())
    }
