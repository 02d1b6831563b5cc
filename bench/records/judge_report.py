"""The report of a judge: what its distances make of real images that were corrupted by degrees.

``bench.score.examination`` makes it; it lies beside the weights that it speaks of.
"""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from catalog.errors import InvalidInput
from catalog.files import reason, regular_bytes, write_atomically
from catalog.schema.base import Id, Sha256

MAX_BYTES = 2**20
DIM_SIGHT = 0.6
"""Accuracy below which a judge's distances deserve a warning."""
CorruptionName = Literal["background", "brightness", "contrast", "noise", "blur", "shift"]
"""The names in ``bench.score.corruptions``, which takes torch to read."""
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Part(BaseModel):
    """What is in a report came from a file: names are names, and numbers are finite."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Grade(_Part):
    """Real images under one grade of a corruption: their distance, and the judge's accuracy."""

    corruption: CorruptionName
    level: float
    distance: float
    accuracy: Share | None = None


class Agreement(_Part):
    """How alike another network orders the same images: Spearman's rank correlation.

    Attributes:
        spearman: over all grades of all corruptions.
        within: mean of those over the grades of one corruption.
    """

    extractor: Id
    sha256: Sha256 | None
    n_held_out: int
    n_reference: int
    spearman: float
    within: float


class JudgeReport(_Part):
    """An examination of one judge.

    Attributes:
        extractor: its id.
        sha256: of its weights.
        fingerprint: of the data set.
        n_held_out: clean and corrupted images of the held-out split.
        n_reference: images of the reference split.
        held_out: distance of the clean held-out images.
        mean_image: distance of the reference images' mean.
        noise: distance of uniform noise.
        grades: by corruption, weakest first.
        agreement: with another network, where one was at hand.
    """

    extractor: Id
    sha256: Sha256 | None
    fingerprint: Sha256
    n_held_out: int
    n_reference: int
    held_out: float
    mean_image: float
    noise: float
    grades: Annotated[tuple[Grade, ...], Field(min_length=1)]
    agreement: Agreement | None = None

    @property
    def corruptions(self) -> tuple[str, ...]:
        """Names of the corruptions, each once."""
        return tuple(dict.fromkeys(grade.corruption for grade in self.grades))

    def of(self, corruption: str) -> list[Grade]:
        """All grades of one corruption, weakest first."""
        return [grade for grade in self.grades if grade.corruption == corruption]

    def not_monotone(self) -> list[str]:
        """Corruptions of which some grade is nearer than the weaker one before it."""
        return [
            name
            for name in self.corruptions
            if any(after.distance < before.distance for before, after in pairwise(self.of(name)))
        ]

    @property
    def noise_is_nearer(self) -> bool:
        """Whether noise passes for better than an even grey, so that small steps mean little."""
        return self.noise < self.mean_image


def read_report(file: Path) -> JudgeReport:
    """The report in a file.

    Raises:
        InvalidInput: it is none.
    """
    try:
        return JudgeReport.model_validate_json(regular_bytes(file, MAX_BYTES))
    except (OSError, ValidationError) as error:
        raise InvalidInput(f"{file}: no report of a judge ({reason(error)})") from error


def write_report(report: JudgeReport, path: Path) -> None:
    """Write a report as JSON, numbers to six digits."""
    text = json.dumps(_rounded(report.model_dump()), indent=1)
    write_atomically(path, (text + "\n").encode())


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(part) for key, part in value.items()}
    return [_rounded(part) for part in value] if isinstance(value, list | tuple) else value
