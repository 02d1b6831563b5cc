"""How far a number may be from its record when it is made again on another machine."""

from __future__ import annotations

from dataclasses import dataclass

from bench.record import MetricName


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
    "fid": Tolerance(0.02, 0.01),
    "is": Tolerance(0.02, 0.01),
    "kid": Tolerance(0.001, 0.01),
    "precision": Tolerance(0.01, 0.0),
    "recall": Tolerance(0.01, 0.0),
    "f_score": Tolerance(0.01, 0.0),
    "fid_equal_n": Tolerance(0.02, 0.01),
    "fid_held_out": Tolerance(0.02, 0.01),
    "fid_bias": Tolerance(0.001, 0.02),
    "copy_rate": Tolerance(0.01, 0.0),
    "label_accuracy": Tolerance(0.01, 0.0),
}
SPREADS: dict[MetricName, Tolerance] = {}
N_DISTINCT = Tolerance(20, 0.0)


def allowed_of_value(name: MetricName, recorded: float | None) -> float:
    """The largest difference that a metric may have."""
    return VALUES[name].allowed(recorded or 0.0)


def allowed_of_spread(name: MetricName, recorded: float) -> float:
    """The largest difference that the spread of a metric may have."""
    return SPREADS.get(name, VALUES[name]).allowed(recorded)
