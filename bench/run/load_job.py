"""Loads what somebody else made: a load record, a grid and a score, as of any other row.

What has a score under the protocol already is left alone. Calibration sets without a score are
scored as well, so that the number has its scale beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from bench.data import load_dataset
from bench.data.loaders import require_loader
from bench.data.prepare import is_prepared
from bench.identity import protocol as protocols
from bench.identity.code import code_of_loading
from bench.identity.local_registry import not_decoded, require_made
from bench.identity.protocol import ScoringProtocol
from bench.outside.openers import OPENERS
from bench.outside.row import OutsideRow, RowRequest, open_row
from bench.outside.state_dict import KEYS, VARIANT
from bench.outside.stored import place_of
from bench.records.environment import environment, provenance
from bench.records.files import SOURCE_PLACE
from bench.records.load_record import LONGEST_SAID, MOST_SAID, LoadRecord
from bench.records.record import LoadedSubject, ScoreRecord, now, to_json
from bench.records.redaction import anonymous
from bench.records.run_directory import CALIBRATION, RunDirectory, calibration_file
from bench.run.calibration_job import CalibrationTask
from bench.run.job import Surroundings
from bench.sample.grid import write_grid
from bench.sample.image_sets import LOADED_GRID, calibration_draws, score_hash
from bench.score.scoring_bench import ScoringBench
from catalog.errors import InvalidInput, UsageError
from catalog.files import write_atomically
from catalog.read.loader import registry_sha256
from catalog.read.locate import find_registry
from catalog.schema import Dataset, Load, Protocol, Registry

Tell = Callable[[str], None]
N_THREADS = 1
"""CPU threads, as jobs of a suite have: another number rounds the last digit otherwise."""


@dataclass(frozen=True)
class Statement:
    """What is said of a loaded row besides how it is used: nothing of it decides an image."""

    licence: str | None = None
    url: str | None = None
    paper: str | None = None


@dataclass(frozen=True)
class Loaded:
    """A row that was loaded.

    Attributes:
        score: under the protocol; made now unless ``was_scored``.
    """

    directory: Path
    record: LoadRecord
    score: ScoreRecord
    was_scored: bool


def load_and_score(
    request: RowRequest,
    statement: Statement,
    runs_dir: Path,
    around: Surroundings,
    registry: Registry,
    tell: Tell,
    *,
    comparable: bool = True,
) -> Loaded:
    """Open a source, write its record, and score its images if they have no score yet.

    Args:
        request: the source, its name, and what is stated of its convention.
        statement: licence and origin.
        runs_dir: where run directories are kept; the caller holds it.
        around: data set, protocol, judge and device.
        registry: where variants are looked up.
        tell: is given each sentence about what was found out, and each warning.
        comparable: whether the protocol is asked for as the registry has it.

    Raises:
        InvalidInput: the source breaks a rule, or its name belongs to another row.
        MissingPrerequisite: an extra, a file, pixels or a judge is missing.
    """
    with _threads(around.n_threads):
        return _loaded(request, statement, runs_dir, around, registry, tell, comparable)


@contextmanager
def _threads(n: int) -> Iterator[None]:
    """Context in which torch and the libraries beside it calculate with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        with threadpool_limits(n):
            yield
    finally:
        torch.set_num_threads(before)


def _loaded(
    request: RowRequest,
    statement: Statement,
    runs_dir: Path,
    around: Surroundings,
    registry: Registry,
    tell: Tell,
    comparable: bool,
) -> Loaded:
    device, protocol = torch.device(around.device), around.protocol
    row = open_row(request, around.dataset, protocol.n_fake, registry, device)
    for sentence in row.said:
        tell(sentence)
    for sentence in row.warnings:
        tell(f"warning: {sentence}")
    require_own_name(runs_dir, row)
    directory = RunDirectory(runs_dir / row.spec.run_id)
    record = directory.load_record() or new_record(row, statement, around)
    # Also where nothing else is to be done: the file may have been moved since.
    write_atomically(directory.path / SOURCE_PLACE, f"{place_of(row.source)}\n")
    known = scored(directory, record, protocol)
    if known is not None:
        return Loaded(directory.path, record, known, was_scored=True)
    write_atomically(directory.load_json, to_json(record))
    bench = around.scoring_bench(load_dataset(around.dataset))
    score = score_row(row, record, bench, directory, comparable=comparable)
    return Loaded(directory.path, record, score, was_scored=False)


def score_row(
    row: OutsideRow,
    record: LoadRecord,
    bench: ScoringBench,
    directory: RunDirectory,
    *,
    comparable: bool,
) -> ScoreRecord:
    """The score of a row's images, written with a grid of them."""
    protocol = bench.protocol
    start = time.perf_counter()
    images = row.images(protocol.n_fake)
    wall_s = time.perf_counter() - start
    labels = known_labels(row, len(images))
    score = bench.record(subject_of(record), images, wall_s, labels=labels, comparable=comparable)
    write_grid(images, directory.path / LOADED_GRID)
    directory.write_score(score)
    return score


def known_labels(row: OutsideRow, n: int) -> Tensor | None:
    """The classes of a row's first images; those of another data set say nothing of this one's."""
    labels = row.labels(n)
    n_classes = row.spec.dataset.n_classes
    return labels if labels is not None and int(labels.max()) < n_classes else None


def subject_of(record: LoadRecord) -> LoadedSubject:
    """What a score record of a loaded row says that it is of."""
    return LoadedSubject(run_id=record.run_id, name=record.spec.name, load_hash=record.load_hash)


def scored(
    directory: RunDirectory, record: LoadRecord, protocol: ScoringProtocol
) -> ScoreRecord | None:
    """The score of a loaded row under a protocol, if there is one."""
    wanted = score_hash(subject_of(record), protocol)
    return next((one for one in directory.score_records() if one.score_hash == wanted), None)


def new_record(row: OutsideRow, statement: Statement, around: Surroundings) -> LoadRecord:
    """What is recorded of a row; sentences lose what they say of this machine."""
    text = row.source.text
    return LoadRecord(
        run_id=row.spec.run_id,
        load_hash=row.spec.load_hash,
        spec=row.spec,
        source=anonymous(text)[:LONGEST_SAID],
        revision=row.source.revision,
        licence=statement.licence,
        url=statement.url,
        paper=statement.paper,
        said=_cut(row.said),
        warnings=_cut(row.warnings),
        n_parameters=row.n_parameters,
        created_at=now(),
        environment=environment(row.device),
        provenance=provenance(around.registry_sha256, _code(row)),
    )


def _cut(sentences: Sequence[str]) -> tuple[str, ...]:
    """As many sentences as a record holds, each as long as it may be."""
    return tuple(anonymous(one)[:LONGEST_SAID] for one in sentences[:MOST_SAID])


def _code(row: OutsideRow) -> str:
    return code_of_loading(OPENERS[row.spec.kind], row.spec.details)


def require_own_name(runs_dir: Path, row: OutsideRow) -> None:
    """Refuse a name that another row of the same data set has.

    Raises:
        InvalidInput: it names the other's directory.
    """
    for path in sorted(runs_dir.glob(f"{row.spec.name}-{row.spec.dataset.id}-loaded-*")):
        other = RunDirectory(path).load_record()
        if other is not None and other.load_hash != row.spec.load_hash:
            raise InvalidInput(
                f"the name '{row.spec.name}' belongs to another loaded row, of another file or"
                " another convention",
                where=path.as_posix(),
                hint="choose another --as, or remove that directory",
            )


def loading_surroundings(
    registry: Registry,
    dataset: str,
    protocol: str | None,
    limit: int | None,
    device: torch.device,
    registry_file: Path | None,
    extractor_weights: Path | None,
) -> Surroundings:
    """Data set, protocol and judge of a row that is loaded.

    Args:
        registry: with this machine's pins.
        dataset: id of the data set.
        protocol: id of one of its protocols; by default that of its first suite.
        limit: images to score instead of the protocol's.
        device: where is computed.
        registry_file: where the registry was named to be.
        extractor_weights: weight file to use instead of looking for one.

    Raises:
        UsageError: there is no such data set or protocol, or none for these images.
        MissingPrerequisite: pixels or judge are not here.
    """
    entry = registry.dataset(dataset)
    chosen = _protocol_of(registry, entry, protocol)
    require_loader(entry)
    if not is_prepared(entry):
        raise not_decoded(entry)
    extractor = registry.extractor(chosen.extractor)
    require_made(extractor)
    resolved = protocols.resolve(registry, chosen.id)
    if limit is not None:
        resolved = resolved.model_copy(update={"n_fake": min(limit, resolved.n_fake)})
    return Surroundings(
        dataset=entry,
        protocol=resolved,
        extractor=extractor,
        device=str(device),
        n_threads=N_THREADS,
        registry_sha256=registry_sha256(find_registry(registry_file)),
        extractor_weights=extractor_weights,
    )


def score_calibration(registry: Registry, around: Surroundings, runs_dir: Path, tell: Tell) -> None:
    """Score the calibration sets of the tables under a protocol that have no score yet."""
    suites = [s for s in registry.suites if s.dataset == around.dataset.id]
    same = [s for s in suites if s.protocol == around.protocol.id] or suites
    if not same:
        return
    directory = runs_dir / CALIBRATION
    missing = tuple(
        name
        for name in same[0].calibration
        if not all(
            calibration_file(directory, name, around.protocol.key, draw).exists()
            for draw in calibration_draws(name)
        )
    )
    if missing:
        tell(f"calibration sets, which give the numbers their scale: {', '.join(missing)}")
        with _threads(around.n_threads):
            CalibrationTask(missing, directory, around, lambda _: None, lambda: False).run()


def _protocol_of(registry: Registry, dataset: Dataset, name: str | None) -> Protocol:
    if name is not None:
        chosen = registry.protocol(name)
        if chosen.dataset != dataset.id:
            raise UsageError(f"protocol '{name}' scores '{chosen.dataset}', not '{dataset.id}'")
        return chosen
    suites = [suite.protocol for suite in registry.suites if suite.dataset == dataset.id]
    found = suites or [one.id for one in registry.protocols if one.dataset == dataset.id]
    if not found:
        raise UsageError(f"no protocol scores '{dataset.id}'")
    return registry.protocol(found[0])


def load_entries(
    registry: Registry,
    around: Surroundings,
    runs_dir: Path,
    registry_file: Path | None,
    tell: Tell,
) -> tuple[Path, ...]:
    """Load and score the registry's rows beside a data set; those that have a score do nothing.

    Raises:
        As ``load_and_score``, of the first row that cannot be loaded.
    """
    directories = []
    for entry in registry.loads:
        if entry.dataset == around.dataset.id:
            request, statement = request_of(entry, registry_file), statement_of(entry)

            def tell_of(sentence: str, name: str = entry.id) -> None:
                tell(f"{name}: {sentence}")

            loaded = load_and_score(request, statement, runs_dir, around, registry, tell_of)
            directories.append(loaded.directory)
    return tuple(directories)


def request_of(entry: Load, registry_file: Path | None) -> RowRequest:
    """An entry of the registry as somebody would ask for it; paths begin at the registry's folder.

    Raises:
        InvalidInput: its path leads out of that folder.
    """
    text = entry.source
    prefix = next((known for known in ("samples:", "hf:") if text.startswith(known)), "")
    if prefix != "hf:":
        folder = find_registry(registry_file).resolve().parent
        path = (folder / text.removeprefix(prefix)).resolve()
        if not path.is_relative_to(folder):
            raise InvalidInput(f"loads: {entry.id}: its source is outside of the registry's folder")
        text = f"{prefix}{path}"
    options: dict[str, object] = {VARIANT: entry.variant, KEYS: dict(entry.keys)}
    given = {key: value for key, value in options.items() if value}
    return RowRequest(text, entry.id, entry.convention, given, entry.sha256)


def statement_of(entry: Load) -> Statement:
    """What the registry says of a row's origin."""
    return Statement(licence=entry.licence, url=entry.url, paper=entry.paper)
