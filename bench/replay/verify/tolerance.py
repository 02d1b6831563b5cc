"""How far a number may be from its record when it is made again on another machine.

Measured on the committed scores of ``reports/digits``: all 41 variants with seed 0 and the
calibration rows, 93 image sets, recorded with one thread of a processor with AVX-512:

    aigc bench verify runs --seeds 0 --json          (all equal, exactly)
    A: the same under ATEN_CPU_CAPABILITY=default
    B: the same under ATEN_CPU_CAPABILITY=default and ONEDNN_MAX_CPU_ISA=SSE41
    C: aigc bench verify runs --seeds 0 --threads 2 --json

with the features of the real images made anew in each case. A left 28, B 25 and C 92 of the image
sets as they were. Largest differences, all three together:

    number          absolute   relative      number          absolute   relative
    fid             1.5e-3     3.1e-4        fid spread      3.6e-4     5.1e-3
    is              7.5e-4     1.1e-4        is spread       1.2e-3     1.5e-2
    kid             1.3e-4     5.1e-4        kid spread      2.4e-5     1.2e-3
    fid_equal_n     1.2e-4     2.0e-5        fid_held_out    1.2e-4     2.5e-5 where it is above 0.1
    fid_bias        2.0e-6     5.0e-5        precision, recall, f_score, copy_rate and
                                             label_accuracy  0          0

Most come from ``fsq-vae``, whose prior draws tokens: a rounding that turns one token makes another
image. The tolerances are about eight times as wide; where one image more or less would step over
what was measured (shares, and distances of few images) they leave room for some such images.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.records.metric_names import MetricName


@dataclass(frozen=True)
class Tolerance:
    """A difference is allowed up to the larger of two bounds.

    Attributes:
        absolute: in the unit of the number.
        relative: a share of the recorded number.
    """

    absolute: float
    relative: float

    def allowed(self, recorded: float) -> float:
        """The largest difference from a recorded number."""
        return max(self.absolute, self.relative * abs(recorded))


VALUES: dict[MetricName, Tolerance] = {
    "fid": Tolerance(0.012, 0.0025),
    "is": Tolerance(0.006, 0.001),
    "kid": Tolerance(0.001, 0.004),
    "precision": Tolerance(0.005, 0.0),
    "recall": Tolerance(0.005, 0.0),
    "f_score": Tolerance(0.005, 0.0),
    "fid_equal_n": Tolerance(0.05, 0.0025),
    "fid_held_out": Tolerance(0.05, 0.0025),
    "fid_bias": Tolerance(2.0e-5, 0.0005),
    "copy_rate": Tolerance(0.001, 0.0),
    "copy_rate_low": Tolerance(0.001, 0.0),
    "copy_rate_high": Tolerance(0.001, 0.0),
    "copy_rate_pixels": Tolerance(0.001, 0.0),
    "nearest_ratio": Tolerance(0.001, 0.0),
    "label_accuracy": Tolerance(0.001, 0.0),
}
SPREADS: dict[MetricName, Tolerance] = {
    "fid": Tolerance(0.003, 0.04),
    "is": Tolerance(0.01, 0.0),
    "kid": Tolerance(0.0002, 0.01),
}
"""Of metrics that have no spread of their own there is nothing to allow."""
ROUNDING = Tolerance(2.0e-4, 3.0e-5)
"""Of any number where the images are those on record, pixel by pixel, so that only the features of
the judge round otherwise. Measured on the 30 image sets of ``reports/digits-quick`` in the three
ways above and with the processor's own instructions: at most 1.5e-5, or 9e-6 of the number."""
N_DISTINCT = Tolerance(10.0, 0.001)
"""Not measured: the committed records are older than this count."""

MEASURE = Tolerance(0.01, 0.01)
"""Of what a model measures of itself; not measured either."""


def allowed_of_value(name: MetricName, recorded: float | None) -> float:
    """The largest difference that a metric may have."""
    return VALUES[name].allowed(recorded or 0.0)


def allowed_of_spread(name: MetricName, recorded: float) -> float:
    """The largest difference that the spread of a metric may have."""
    return SPREADS[name].allowed(recorded) if name in SPREADS else 0.0
