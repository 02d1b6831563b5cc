"""What a run leaves behind: one train record, and one score record per scored image set.

A train record says what was trained, how it went and what it cost. A score record says how one
set of images compares with real ones under one protocol. Both say on what machine they were made:
two that say the same round the last digit the same way. Both are strict JSON with a schema version;
NaN is never written, a missing number carries its reason instead.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from bench.identity.names import Digest, Name, RelativePath
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.identity.strict_json import parse_strictly
from bench.records.metric_names import MetricName
from bench.records.ranges import METRICS, Amount, Count, Finite, Moment, Positive, Seconds
from catalog.schema.benchmark import Seed

SCHEMA_VERSIONS = (1,)
"""Versions of both records that this release reads; it writes the last one."""

Status = Literal["started", "success", "error", "cancelled"]
PhaseStatus = Literal["success", "error", "cancelled"]
PhaseName = Literal["data", "model", "train", "sample", "score", "record"]


class Record(BaseModel):
    """A frozen value that crosses a file boundary."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Processor(Record):
    """What a processor is and what it calculates with: two of one name may round otherwise.

    The first four are what ``/proc/cpuinfo`` says; on ARM they are implementer, variant, part and
    revision. ``vectors`` are the instructions that torch has chosen, ``instruction_sets`` those of
    vectors and matrices that the processor has, and ``limited_by`` the variables that keep the
    libraries from using all of them.
    """

    vendor: str
    family: str
    model: str
    stepping: str
    vectors: str
    instruction_sets: tuple[str, ...]
    limited_by: tuple[str, ...] = ()


class Accelerator(Record):
    """What a CUDA device calculates with, beside its name."""

    capability: str
    driver: str
    cuda: str
    cudnn: str


class Environment(Record):
    """The machine and the versions that a number depends on.

    ``processor`` and ``accelerator`` are None where the system does not tell, as on macOS, and in
    records of the first releases; ``accelerator`` also where there is none in use.
    """

    device: str
    device_name: str
    n_threads: Positive
    os: str
    python: str
    packages: dict[str, str]
    processor: Processor | None = None
    accelerator: Accelerator | None = None

    @property
    def tells_its_arithmetic(self) -> bool:
        """Whether an equal environment rounds equally, which names alone do not promise."""
        on_cpu = self.device == "cpu"
        return self.processor is not None and (on_cpu or self.accelerator is not None)


class Phase(Record):
    """One stretch of a job and how long it took."""

    name: PhaseName
    status: PhaseStatus
    started_at: Moment
    wall_s: Seconds
    resumed_from_step: Count | None = None


class Cost(Record):
    """What training took; ``images_seen`` counts real images shown, repeats included."""

    train_wall_s: Seconds
    images_seen: Count
    images_per_s: Amount
    peak_memory_bytes: Count


class Parameters(Record):
    """Trainable scalars: of everything that was trained, and of what sampling needs."""

    total: Count
    sampling: Count


class TakenOver(Record):
    """What a fine-tuning began with: of the earlier weights, and freshly drawn for what they lack.

    Numbers are of trainable scalars.
    """

    weights_sha256: Digest
    n_taken: Positive
    n_fresh: Count


class Provenance(Record):
    """Where the code came from.

    The hashes are of the definitions that decide a result, of the registry and, where the checkout
    has one, of the file of pinned versions. Records of the first releases hash whole files instead
    of definitions: ``implementation_sha256``.
    """

    package_version: str
    commit: str | None
    dirty: bool | None
    implementation_sha256: Digest | None = None
    definitions_sha256: Digest | None = None
    registry_sha256: Digest
    lock_sha256: Digest | None = None

    @property
    def code(self) -> str:
        """The digest of the code that made the record, of the old kind or of the new."""
        return self.definitions_sha256 or self.implementation_sha256 or ""

    @model_validator(mode="after")
    def _one_digest_of_the_code(self) -> Self:
        if (self.implementation_sha256 is None) == (self.definitions_sha256 is None):
            raise ValueError("either implementation_sha256 or definitions_sha256, not both")
        return self


ArtifactKind = Literal["weights", "curve"]


class Artifact(Record):
    """A file of the run directory, relative to it."""

    kind: ArtifactKind
    path: RelativePath
    sha256: Digest
    n_bytes: Count


class Suspicion(Record):
    """A result that stands, but that a reader should look at before believing it."""

    kind: Literal["mode-collapse"]
    sampler: str
    ema: bool
    message: str
    hint: str

    def __str__(self) -> str:
        """The suspicion in one line."""
        return f"suspected {self.kind} of {self.sampler}: {self.message}"


class Health(Record):
    """Signs of trouble: last losses by name, the step of a divergence, and what looks wrong."""

    last_losses: dict[str, Finite] = {}
    diverged_at_step: Count | None = None
    suspicions: tuple[Suspicion, ...] = ()


class Measures(Record):
    """What a model measured of itself on images that no training saw, by name."""

    split: Name
    n_images: Positive
    values: dict[Name, Finite]


class Failure(Record):
    """Why a run is not a success, for a reader and for a developer, and the most memory it took."""

    phase: PhaseName
    type: str
    message: str
    hint: str | None = None
    traceback: str | None = None
    peak_memory_bytes: Count | None = None


class TrainRecord(Record):
    """One model, trained once."""

    schema_version: Literal[1] = 1
    run_id: Name
    train_hash: Digest
    status: Status
    spec: TrainSpec
    comparable: bool
    not_comparable_because: tuple[str, ...] = ()
    created_at: Moment
    updated_at: Moment
    phases: tuple[Phase, ...] = ()
    parameters: Parameters | None = None
    taken_over: TakenOver | None = None
    cost: Cost | None = None
    health: Health = Health()
    measures: Measures | None = None
    environment: Environment
    provenance: Provenance
    artifacts: tuple[Artifact, ...] = ()
    error: Failure | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.train_hash != self.spec.train_hash:
            raise ValueError("train_hash does not match the spec")
        if self.comparable == bool(self.not_comparable_because):
            raise ValueError("a record is comparable, or says why not")
        if (self.status == "error") != (self.error is not None):
            raise ValueError("exactly the failed records carry an error")
        return self

    @property
    def is_trained(self) -> bool:
        """Whether it names final weights, whatever became of them and of its scores."""
        return any(artifact.kind == "weights" for artifact in self.artifacts)


class Metric(Record):
    """One number, or the reason why there is none.

    ``spread`` is never the spread over trainings. Of ``is`` and ``kid`` it is the estimator's own,
    over splits or subsets, and no standard error; of ``fid`` it is the jackknife standard error
    over repeated draws of the images. KID is stored as is, never times 1000.
    """

    name: MetricName
    value: float | None
    missing_reason: str | None = None
    higher_is_better: bool
    spread: Amount | None = None
    n_fake: Positive
    n_real: Positive | None = None

    @model_validator(mode="after")
    def _value_or_reason(self) -> Self:
        if (self.value is None) != (self.missing_reason is not None):
            raise ValueError("a metric has a value or a reason for having none")
        return self

    @model_validator(mode="after")
    def _possible(self) -> Self:
        low, high, _ = METRICS[self.name]
        if self.value is not None and not low <= self.value <= high:
            raise ValueError(f"{self.name} of {self.value:g} is not between {low:g} and {high:g}")
        return self


class RunSubject(Record):
    """Images that a trained model made.

    ``sampler`` is ``prior`` for the model's own prior, ``gmm-10`` for the ex-post mixture, and
    ``reconstruction`` for images of the held-out split passed through an autoencoder.
    """

    kind: Literal["run"] = "run"
    run_id: Name
    variant: Name
    seed: Seed
    train_hash: Digest
    weights: Literal["final", "best"]
    ema: bool
    sampler: Name


class CalibrationSubject(Record):
    """Images of known quality that give the scale of a table.

    ``draw`` counts independent draws of a set that is random; other sets have the draw 0 alone.
    """

    kind: Literal["calibration"] = "calibration"
    name: Name
    draw: Count = 0


class LoadedSubject(Record):
    """Images of a generator that somebody else trained, or samples that somebody else drew."""

    kind: Literal["loaded"] = "loaded"
    run_id: Name
    name: Name
    load_hash: Digest


Subject = Annotated[RunSubject | CalibrationSubject | LoadedSubject, Field(discriminator="kind")]


class ScoreRecord(Record):
    """One set of images, compared with real ones under one protocol.

    ``n_distinct`` counts images that differ in some pixel, and ``provenance`` is of the code that
    drew and scored them; records of the first releases have neither.
    """

    schema_version: Literal[1] = 1
    score_hash: Digest
    subject: Subject
    protocol: ScoringProtocol
    protocol_key: str
    comparable: bool
    n_images: Positive
    images_sha256: Digest
    n_distinct: Positive | None = None
    metrics: tuple[Metric, ...]
    sample_wall_s: Seconds
    score_wall_s: Seconds
    created_at: Moment
    environment: Environment
    provenance: Provenance | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.protocol_key != self.protocol.key:
            raise ValueError("protocol_key does not match the protocol")
        if len({metric.name for metric in self.metrics}) != len(self.metrics):
            raise ValueError("a metric stands in a record once")
        for metric in self.metrics:
            if metric.higher_is_better != METRICS[metric.name].higher_is_better:
                raise ValueError(f"higher_is_better of {metric.name} is the wrong way round")
        if self.n_distinct is not None and self.n_distinct > self.n_images:
            raise ValueError("n_distinct is at most n_images")
        return self

    def metric(self, name: str) -> Metric | None:
        """The metric called ``name``, or None where it was not computed."""
        return next((metric for metric in self.metrics if metric.name == name), None)


def now() -> datetime:
    """The present in UTC, to the second: records need no more."""
    return datetime.now(UTC).replace(microsecond=0)


def to_json(record: Record) -> str:
    """Canonical text of a record: indented, in field order, one newline at the end."""
    return record.model_dump_json(indent=2) + "\n"


def parse_train_record(data: str | bytes) -> TrainRecord:
    """A train record from its file's content; a ValueError, often pydantic's, if it is broken."""
    return parse_strictly(data, TrainRecord, SCHEMA_VERSIONS)


def parse_score_record(data: str | bytes) -> ScoreRecord:
    """A score record from its file's content; a ValueError, often pydantic's, if it is broken."""
    return parse_strictly(data, ScoreRecord, SCHEMA_VERSIONS)
