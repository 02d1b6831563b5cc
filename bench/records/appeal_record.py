"""The record of an appeal: what was claimed, what was measured, and what explains the difference.

``bench.appeal.court`` makes it; the page of appeals is made from it alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

from bench.identity.strict_json import BrokenJson, parse_strictly
from catalog.errors import InvalidInput
from catalog.files import reason, regular_bytes, write_atomically
from catalog.schema.base import Id, Sha256, Text

MAX_BYTES = 2**20

Axis = Literal[
    "reference",
    "n_images",
    "resize",
    "reference_resize",
    "jpeg",
    "weights",
    "extractor",
    "layer",
    "rounded",
    "rounding",
    "isc_splits",
    "kid_biased",
    "part",
    "setting",
    "dataset",
    "n_reference",
    "labels",
    "channels",
    "batch_norm",
    "truncation",
    "kid_subset_size",
    "prc_neighborhood",
    "factor",
    "swapped",
    "covariance",
    "root",
]
"""What can be done otherwise, the most usual first; the order ranks explanations."""
AXES: tuple[Axis, ...] = get_args(Axis)

Metric = Literal["fid", "is", "kid", "precision", "recall", "f_score", "parameters"]

ALIASED = " -antialias"
"""Ends the name of a filter that does not widen when images shrink."""

Verdict = Literal["reproduced", "explained", "not-explained"]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Change(_Part):
    """One thing done otherwise: how the stated way does it, and how it was tried."""

    axis: Axis
    stated: str
    tried: str


class Tried(_Part):
    """What was measured with something done otherwise.

    Attributes:
        half_width: how far the number may lie from it by what draws at random.
        comes_out: whether the claim does.
        contradicts: whether the authors say that they did it as in the stated way.
        passes: through a judge that it took.
    """

    changes: tuple[Change, ...]
    value: float
    half_width: float
    comes_out: bool
    contradicts: bool
    passes: int


class AppealRecord(_Part):
    """One appeal from claim to verdict.

    Attributes:
        claim_sha256: of the claim's file.
        about, reference: what was measured, and against what; None for what needs none.
        printed: the claim's number as it is printed, with ``low`` and ``high`` its rounding.
        protocol: what the authors state, by key of the claim.
        extractor, extractor_sha256: the judge and its weights; None for a count of parameters.
        images_sha256: of the pixels, or of the weights that drew them; None likewise.
        tolerance: relative, of arithmetic.
        value, half_width: measured in the stated way.
        tried: every deviation on its own, then pairs.
        explanations: places in ``tried`` of what brings the claim out, most plausible first.
        by_chance: chance of a made-up number to be explained by what was tried.
        left_out: deviations that could not be measured, and why.
        passes: of images through a judge, in all.
        libraries: versions of those that make the numbers.
    """

    schema_version: Literal[1] = 1
    id: Id
    title: Text | None
    remark: Text | None
    source: str
    claim_sha256: Sha256
    about: str
    reference: str | None
    metric: Metric
    printed: str
    low: float
    high: float
    protocol: dict[str, str]
    extractor: str | None
    extractor_sha256: Sha256 | None
    images_sha256: Sha256 | None
    tolerance: float
    value: float
    half_width: float
    verdict: Verdict
    tried: tuple[Tried, ...]
    explanations: tuple[int, ...]
    by_chance: float
    left_out: tuple[str, ...]
    passes: int
    libraries: dict[str, str]

    @property
    def explained_by(self) -> list[Tried]:
        """What brings the claim out, most plausible first."""
        return [self.tried[place] for place in self.explanations]


def read_appeal(file: Path) -> AppealRecord:
    """The record in a file.

    Raises:
        InvalidInput: it is none, or says of itself what cannot be.
    """
    try:
        found = parse_strictly(regular_bytes(file, MAX_BYTES), AppealRecord, (1,))
    except (OSError, ValidationError, BrokenJson) as error:
        raise InvalidInput(f"{file}: no record of an appeal ({reason(error)})") from error
    places = set(found.explanations)
    brought = {place for place, one in enumerate(found.tried) if one.comes_out}
    explained = found.verdict == "explained"
    if file.stem != found.id or places != brought or explained != bool(places):
        raise InvalidInput(
            f"{file}: name, verdict and measurements of the appeal do not agree",
            hint=f"make it again: aigc bench appeal {found.id} -o {file.parent.as_posix()}",
        )
    return found


def appeal_text(record: AppealRecord) -> str:
    """A record as JSON, numbers but counts to seven digits, ending in one line break."""
    data = json.loads(record.model_dump_json(), parse_float=_to_seven_digits)
    return json.dumps(data, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _to_seven_digits(text: str) -> float:
    value = float(text)
    return value if value.is_integer() else float(f"{value:.7g}")


def write_appeal(record: AppealRecord, folder: Path) -> Path:
    """Write a record into a folder under its id; returns the file."""
    path = folder / f"{record.id}.json"
    write_atomically(path, appeal_text(record))
    return path
