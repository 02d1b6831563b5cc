"""Curves of losses as text: one row a report, one column a loss, the same while and after training.

``curve.csv`` stands in a finished run. ``live.csv`` has the same form; it grows while a training
runs and goes when the run ends in an orderly way.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from bench.records.files import CURVE, LIVE_CURVE
from bench.records.ranges import LARGEST_COUNT, LARGEST_FLOAT32
from catalog.errors import InvalidInput
from catalog.files import reason, unlinked_bytes

Point = tuple[int, dict[str, float]]
"""A step, and mean losses since the point before, by name."""
MAX_BYTES = 20_000_000


def curve_csv(points: Sequence[Point]) -> str:
    """The text of a curve; a cell is empty where a stage has no such loss."""
    names = sorted({name for _, losses in points for name in losses})
    rows = [",".join(["step", *names])]
    rows += [
        ",".join([str(step), *(f"{losses[name]:.6g}" if name in losses else "" for name in names)])
        for step, losses in points
    ]
    return "\n".join(rows) + "\n"


def parse_curve(text: str) -> tuple[Point, ...]:
    """The points of a curve's text.

    Raises:
        ValueError: it is not of that form.
    """
    header, *rows = list(csv.reader(io.StringIO(text))) or [[]]
    if header[:1] != ["step"]:
        raise ValueError("a curve begins with the column 'step'")
    names = header[1:]
    return tuple(
        (_step(step), {name: _loss(v) for name, v in zip(names, values, strict=True) if v})
        for step, *values in rows
    )


def _step(text: str) -> int:
    step = int(text)
    if not 0 <= step <= LARGEST_COUNT:
        raise ValueError("no training has such a step")
    return step


def _loss(text: str) -> float:
    loss = float(text)
    if abs(loss) > LARGEST_FLOAT32 and not math.isinf(loss):  # a diverging one may be infinite
        raise ValueError("no loss is so large and finite")
    return loss


def load_curve(file: Path) -> tuple[Point, ...]:
    """The points in a file.

    Raises:
        InvalidInput: it cannot be read, or is no curve.
    """
    try:
        return parse_curve(unlinked_bytes(file, MAX_BYTES).decode())
    except (OSError, ValueError, csv.Error) as error:
        raise InvalidInput("a curve is broken", where=f"{file}: {reason(error)}") from error


def read_curve(file: Path) -> tuple[Point, ...]:
    """The points in a file; none where there is no readable one."""
    try:
        return load_curve(file)
    except InvalidInput:
        return ()


def newest_curve(directory: Path) -> tuple[Point, ...]:
    """What a run directory holds: the curve that grows, else the finished one, else nothing."""
    return read_curve(directory / LIVE_CURVE) or read_curve(directory / CURVE)
