"""What metrics are called: FID, IS and KID keep their names on Inception features only."""

from __future__ import annotations

from typing import Literal

MetricName = Literal[
    "fid",
    "is",
    "kid",
    "precision",
    "recall",
    "f_score",
    "fid_equal_n",
    "fid_held_out",
    "fid_bias",
    "copy_rate",
    "copy_rate_low",
    "copy_rate_high",
    "copy_rate_pixels",
    "nearest_ratio",
    "label_accuracy",
]
"""What is measured, beyond what the names say:

- ``fid_equal_n``: distance to the whole reference split of as many first images as the held-out
  split has, so that it compares with the distance of the held-out images themselves;
- ``fid_held_out``: distance to the held-out split, of as many first images as it has;
- ``fid_bias``: what ``fid`` is expected to be too large by, since its images are a sample;
- ``copy_rate``: share of images nearer to a training image than 95 % of held-out ones are;
- ``copy_rate_low``, ``copy_rate_high``: the same at the ends of the interval that the threshold,
  a quantile of few held-out images, has with 95 % confidence;
- ``copy_rate_pixels``: the copy rate by distances in pixels instead of features;
- ``nearest_ratio``: share of images whose nearest training image is, in pixels, less than a third
  as far as the second nearest;
- ``label_accuracy``: share of images that the extractor's classifier puts in the class asked for.
"""

LATER: frozenset[MetricName] = frozenset(
    {"copy_rate_low", "copy_rate_high", "copy_rate_pixels", "nearest_ratio"}
)
"""What is measured beside the copy rate, which records of before do not have."""

INCEPTION = "inception-v3-compat"

LABELS = {"fid": ("FID", "FD"), "is": ("IS", "IS"), "kid": ("KID", "KD")}
"""What a metric is called on Inception features, and on those of any other extractor."""


def metric_label(name: str, extractor: str) -> str:
    """A metric with the judge that it is of, unless that is Inception: ``FD[digits-cnn]``."""
    inception, other = LABELS.get(name, (name, name))
    return inception if extractor == INCEPTION else f"{other}[{extractor}]"
