"""What numbers in records can be: whoever reads a record may calculate with them.

Bounds are those of what is possible, with room; a value beyond them was not measured. They also
keep sums, squares and dates of a reader within what a machine can hold.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, AwareDatetime, Field

from bench.records.metric_names import MetricName

LARGEST_COUNT = 2**53
"""Up to here a floating-point number holds every whole one."""
LARGEST_AMOUNT = 1e15
"""More than KID's kernel can be of raw pixels: (255 * 255 + 1) cubed."""
LARGEST_FLOAT32 = 3.5e38
"""A little more than the largest, which a mean of float32 values cannot exceed."""
LONGEST_S = 1e9
YEARS = range(2000, 2101)


def _in_our_time(moment: datetime) -> datetime:
    if moment.year not in YEARS:
        raise ValueError(f"the year is one of {YEARS[0]} to {YEARS[-1]}")
    return moment


Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
"""How many of something: updates, bytes, parameters, threads."""
Positive = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
"""How many of what there is at least one of: images, threads."""
Amount = Annotated[float, Field(ge=0, le=LARGEST_AMOUNT)]
"""How much of something: images per second, a standard deviation."""
Finite = Annotated[float, Field(ge=-LARGEST_FLOAT32, le=LARGEST_FLOAT32)]
"""What networks calculated, such as a loss."""
Seconds = Annotated[float, Field(ge=0, le=LONGEST_S)]
"""A duration of at most thirty years."""
Moment = Annotated[AwareDatetime, AfterValidator(_in_our_time)]
"""A moment of this century that every time zone can express."""


class Range(NamedTuple):
    """The least and the largest value of a metric, and whether the larger one is the better."""

    low: float
    high: float
    higher_is_better: bool


_DISTANCE = Range(-0.01, LARGEST_AMOUNT, higher_is_better=False)
"""Not negative but for rounding: it is a difference of traces."""
_SHARE = Range(0.0, 1.0, higher_is_better=True)
_COPIES = _SHARE._replace(higher_is_better=False)
METRICS: dict[MetricName, Range] = {
    "fid": _DISTANCE,
    "is": Range(1 - 1e-6, 1e6, higher_is_better=True),  # 1 to the number of classes, but rounded
    # An unbiased estimate, so below 0 at times, by as much as the kernel is large.
    "kid": Range(-LARGEST_AMOUNT, LARGEST_AMOUNT, higher_is_better=False),
    "precision": _SHARE,
    "recall": _SHARE,
    "f_score": _SHARE,
    "fid_equal_n": _DISTANCE,
    "fid_held_out": _DISTANCE,
    "fid_bias": _DISTANCE,
    "copy_rate": _COPIES,
    "copy_rate_low": _COPIES,
    "copy_rate_high": _COPIES,
    "copy_rate_pixels": _COPIES,
    "nearest_ratio": _COPIES,
    "label_accuracy": _SHARE,
}
"""What a metric can be."""
