"""What trainings recorded while they ran: read from ``curve.csv`` and thinned to be drawn."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from bench.records.curve import parse_curve
from bench.records.files import CURVE
from bench.report.board.records import Run
from catalog.errors import InvalidInput
from catalog.files import reason, regular_bytes

MAX_FILE_BYTES = 4_000_000
MAX_POINTS = 30
"""Points that a drawn line has at most; neighbours are averaged down to so many."""


@dataclass(frozen=True)
class Band:
    """One recorded number over the updates, over training seeds.

    Attributes:
        steps: updates done, rising; the middle of the points that were averaged.
        mean: over seeds, as long as ``steps``.
        low: the lowest seed's value, likewise.
        high: the highest seed's.
        last_step: the last update that was recorded.
        n: seeds.
    """

    name: str
    steps: tuple[float, ...]
    mean: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    last_step: int
    n: int


Curve = dict[str, dict[int, float]]
"""By the name of a number, its value at each update where it was recorded."""


def bands(runs: Iterable[Run], at_most: int = MAX_POINTS) -> tuple[Band, ...]:
    """What runs of one variant recorded, by name; updates that a run lacks are left out.

    Args:
        runs: finished trainings; one without a curve is passed over.
        at_most: points of each band.

    Raises:
        InvalidInput: a curve is broken.
    """
    files = [run.directory / CURVE for run in runs]
    curves = [read_curve(file) for file in files if file.is_file()]
    names = sorted({name for curve in curves for name in curve})
    found = (_band(name, [c[name] for c in curves if name in c], at_most) for name in names)
    return tuple(filter(None, found))


def read_curve(file: Path) -> Curve:
    """The numbers of one ``curve.csv``; an empty cell is a number that was not recorded.

    Raises:
        InvalidInput: it is no such file.
    """
    try:
        curve: Curve = {}
        for step, values in parse_curve(regular_bytes(file, MAX_FILE_BYTES).decode()):
            for name, value in values.items():
                curve.setdefault(name, {})[step] = _finite(value)
    except OSError as error:
        raise InvalidInput("a curve cannot be read", where=f"{file}: {reason(error)}") from error
    except (ValueError, csv.Error) as error:
        raise InvalidInput("a curve is broken", where=f"{file}: {error}") from error
    return curve


def _finite(value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is no finite number")
    return value


def _band(name: str, curves: Sequence[dict[int, float]], at_most: int) -> Band | None:
    common = sorted(set.intersection(*(set(curve) for curve in curves)))
    if not common:
        return None
    size = math.ceil(len(common) / at_most)
    groups = [common[first : first + size] for first in range(0, len(common), size)]
    seeds = [[fmean(curve[step] for step in group) for group in groups] for curve in curves]
    points = list(zip(*seeds, strict=True))
    return Band(
        name,
        tuple(fmean(group) for group in groups),
        tuple(fmean(values) for values in points),
        tuple(min(values) for values in points),
        tuple(max(values) for values in points),
        common[-1],
        len(curves),
    )
