"""Claims: what somebody says of some images or of a network, as a small strict YAML file.

The registered ones are such files too, and not a section of the registry: what a reader copies to
make an appeal of their own is the very thing that the program reads.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator

from bench.records.appeal_record import Metric
from catalog.document import Problem, UnreadableError, decode, parse
from catalog.errors import InvalidInput, MissingPrerequisite, UsageError
from catalog.files import reason, regular_bytes
from catalog.names import suggestion
from catalog.schema.base import Entry, Id, Sentence, Text
from catalog.schema.benchmark import Count, ImageCount, Recipe, Resolution
from catalog.schema.loads import BatchNorm, Truncation

FOLDER = Path(__file__).parent / "registered"
MAX_BYTES = 64 * 1024
"""A claim takes about one kilobyte."""

Filter = Literal["nearest", "box", "bilinear", "bicubic", "lanczos"]
Rounding = Literal["floor", "round", "truncate"]
LabelPolicy = Literal["as-given", "balanced"]
WeightsKind = Literal["ema", "raw"]
Part = Literal["sampler", "rest", "all"]
Grade = Annotated[float, Field(gt=0.0, le=255.0, allow_inf_nan=False)]

Subsets = Annotated[int, Field(ge=1, le=10_000)]
"""Each is a kernel matrix: more take hours, and no more digits come of them."""

_UNITS = {"": 0, "k": 3, "M": 6, "G": 9}
_NUMBER = re.compile(r"([-+]?\d{1,15}(?:\.\d{0,15})?(?:[eE][-+]?\d{1,2})?) ?([kMG]?)")


def printed(text: str) -> tuple[float, float]:
    """The numbers that are printed like this: half a unit of the last digit on both sides.

    Args:
        text: such as ``3.17``, ``-0.2e-3``, ``1,078`` without its comma, or ``35.7 M``.

    Raises:
        ValueError: it is no number.
    """
    match = _NUMBER.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"'{text}' is not a number such as 3.17, 2.5e-3 or 35.7 M")
    shift = _UNITS[match[2]]
    number = Decimal(match[1])
    exponent = int(number.as_tuple().exponent)
    half = Decimal(5).scaleb(exponent - 1)
    low, high = ((number + side * half).scaleb(shift) for side in (-1, 1))
    return float(low), float(high)


def _is_number(text: str) -> str:
    printed(text)
    return text


class Resize(Entry):
    """How images become the size that a judge reads.

    Attributes:
        antialias: whether a filter widens when images shrink. ``box`` and ``lanczos`` always do,
            ``nearest`` never does.
        to: height and width; what the judge reads where it is absent.
        rounded: whether resized pixels become whole numbers before the judge sees them.
    """

    filter: Filter
    antialias: bool = True
    to: Resolution | None = None
    rounded: bool = False


class StatedProtocol(Entry):
    """As much of a protocol as the authors state; None where they say nothing.

    Attributes:
        n_images: the first ones of the images that the claim is about.
        n_reference: the first ones of the reference.
        labels: whether each class has the same number of images, or as many as come first.
        rounding: how pixels that are no whole numbers become some: ``floor(v + 0.5)``, halves to
            even, or cut off, with v in 0 .. 255.
        jpeg: quality with which the images were stored as JPEG.
        channels: 1 where colours are seen as luminance, or where grey pixels are compared once;
            3 where grey pixels are compared three times.
        layer: of the extractor.
        kid_biased: whether equal images are compared with each other, too.
        covariance: whether it is divided by one less than the number of images.
        factor: by which the number is multiplied before it is printed.
        weights, batch_norm, truncation, sampler: how a model draws.
    """

    n_images: ImageCount | None = None
    n_reference: ImageCount | None = None
    labels: LabelPolicy | None = None
    rounding: Rounding | None = None
    jpeg: Annotated[int, Field(ge=1, le=100)] | None = None
    channels: Literal[1, 3] | None = None
    resize: Resize | None = None
    extractor: Id | None = None
    layer: Sentence | None = None
    isc_splits: Count | None = None
    kid_subsets: Subsets | None = None
    kid_subset_size: ImageCount | None = None
    kid_biased: bool | None = None
    prc_neighborhood: Count | None = None
    covariance: Literal["n-1", "n"] | None = None
    factor: Annotated[float, Field(gt=0.0, le=1e6)] | None = None
    weights: WeightsKind | None = None
    batch_norm: BatchNorm | None = None
    truncation: Truncation | None = None
    sampler: Id | None = None


class Subject(Entry):
    """What a claim is about: images, what a model draws, or the size of a network.

    Attributes:
        samples: a set of images, as ``aigc bench score`` takes it.
        transform: done to those images first: corruptions of ``bench.score.corruptions``.
        run: a run directory, whose model draws.
        variant: a network of the registry, which is counted.
        dataset: whose images it is built for.
        settings: of its recipe, where they differ from the registered ones.
        part: of the network: what sampling needs, the rest, or all of it.
    """

    samples: Sentence | None = None
    transform: tuple[dict[Id, Grade], ...] = ()
    run: Sentence | None = None
    variant: Id | None = None
    dataset: Id | None = None
    settings: Recipe = Field(default_factory=dict)
    part: Part = "sampler"

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [self.samples, self.run, self.variant]
        if sum(one is not None for one in given) != 1:
            raise ValueError("give exactly one of samples, run and variant")
        if (self.variant is None) != (self.dataset is None):
            raise ValueError("a variant and a dataset go together")
        if self.settings and self.variant is None:
            raise ValueError("only a variant has settings")
        if self.transform and self.samples is None:
            raise ValueError("only samples are transformed")
        if any(len(one) != 1 for one in self.transform):
            raise ValueError("a transform is one name and its grade, such as {blur: 0.9}")
        return self


class Claim(Entry):
    """A published number.

    Attributes:
        source: who says it, and where.
        value: as it is printed: its digits say within what it holds.
        reference: real images, as ``aigc bench score`` takes them; ``DATASET:SPLIT+SPLIT`` for
            several splits together; or a file of statistics.
        remark: what the number teaches, for the page.
    """

    schema_version: Literal[1]
    id: Id
    title: Text | None = None
    source: Sentence
    about: Subject
    reference: Sentence | None = None
    metric: Metric
    value: Annotated[str, StringConstraints(max_length=40), AfterValidator(_is_number)]
    protocol: StatedProtocol = StatedProtocol()
    remark: Text | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        counted = self.metric == "parameters"
        if counted != (self.about.variant is not None):
            raise ValueError("parameters are counted of a variant, and nothing else is")
        if counted and (self.reference or self.protocol != StatedProtocol()):
            raise ValueError("a count of parameters has neither a reference nor a protocol")
        if not counted and self.protocol.extractor is None:
            raise ValueError("protocol.extractor is required: a score is of some judge")
        if (self.reference is None) != (counted or self.metric == "is"):
            needs = "has no" if self.metric == "is" else "needs a"
            raise ValueError(f"the metric '{self.metric}' {needs} reference")
        return self

    @property
    def interval(self) -> tuple[float, float]:
        """What is printed as the claim's number, from the lowest to the highest."""
        return printed(self.value)


@dataclass(frozen=True)
class ReadClaim:
    """A claim, the file that it stands in, and the sha256 of what it says."""

    claim: Claim
    file: Path
    sha256: str


def registered() -> dict[str, Path]:
    """Files of the claims that the program brings along, by id, in alphabetical order."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def is_there(text: str) -> bool:
    """Whether a text names a file; one that is too long for a name does not."""
    try:
        return Path(text).exists()
    except OSError:
        return False


def find_claim(text: str) -> ReadClaim:
    """The claim in a file, or the registered one of some id.

    Raises:
        MissingPrerequisite: there is no such file.
        UsageError: no claim is registered under this name.
        InvalidInput: as ``read_claim`` does.
    """
    path = Path(text)
    if path.suffix in (".yaml", ".yml") or is_there(text):
        return read_claim(path)
    known = registered()
    if text in known:
        return read_claim(known[text])
    raise UsageError(
        f"no appeal is registered as '{text}', and there is no such file{suggestion(text, known)}",
        hint="list them with: aigc bench appeal; or name a .yaml file",
    )


def read_claim(path: Path) -> ReadClaim:
    """A claim from its file.

    Raises:
        MissingPrerequisite: the file is absent or cannot be read.
        InvalidInput: it breaks a rule; the message has file, line and rule.
    """
    try:
        content = regular_bytes(path, MAX_BYTES)
    except OSError as error:
        raise MissingPrerequisite(
            f"{path}: the claim cannot be read ({reason(error)})", hint="name an existing file"
        ) from error
    try:
        document = parse(decode(content))
    except UnreadableError as error:
        raise _refused(path, error.problem) from None
    if document.problems:
        raise _refused(path, document.problems[0])
    data = document.data
    if isinstance(data, dict) and ("value",) in document.written:
        data["value"] = document.written["value",]  # the digits count, and a float forgets them
    try:
        claim = Claim.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        loc = document.nearest(first["loc"])
        if first["type"] == "missing":
            loc = (*loc, first["loc"][-1])
        message = _rule(first)
        if first["type"] == "extra_forbidden":
            message = f"unknown key{suggestion(str(loc[-1]), _keys(loc))}"
        raise _refused(path, document.problem(loc, message)) from None
    return ReadClaim(claim, path, hashlib.sha256(content).hexdigest())


def _rule(detail: Any) -> str:
    if detail["type"] == "missing":
        return "this key is required"
    return str(detail["msg"]).removeprefix("Value error, ")


def _keys(loc: tuple[str | int, ...]) -> list[str]:
    models: dict[str | int, type[Entry]] = {
        "about": Subject,
        "protocol": StatedProtocol,
        "resize": Resize,
    }
    around = [models[part] for part in loc[:-1] if part in models]
    model: type[Entry] = around[-1] if around else Claim
    return list(model.model_fields)


def _refused(path: Path, problem: Problem) -> InvalidInput:
    return InvalidInput(
        problem.shown(path.as_posix()), hint="docs/appeals.md lists the keys of a claim"
    )
