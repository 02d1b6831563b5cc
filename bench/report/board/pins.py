"""What a registry leaves to each machine, as records tell it.

A report needs neither the pixels nor the judge: which they were stands in every record.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from bench.report.board.records import find_records
from catalog.schema import Registry, Suite

T = TypeVar("T")


def pinned_by_records(registry: Registry, suite: Suite, records_dir: Path) -> Registry:
    """The registry with the pixels and the judge of a suite that most records in a directory name.

    What the registry or this machine knows stays as it is, and records are read only where one of
    the two is not known.

    Raises:
        As ``find_records`` does.
    """
    dataset = registry.dataset(suite.dataset)
    judge = registry.extractor(registry.protocol(suite.protocol).extractor)
    unmade = judge.weights is not None and judge.sha256 is None
    if dataset.is_pinned and not unmade:
        return registry
    found = find_records(records_dir)
    scores = (*(score for run in found.runs for score in run.scores), *found.calibration)
    protocols = [score.record.protocol for score in scores]
    trained = _most(
        run.train.spec.dataset for run in found.runs if run.train.spec.dataset.id == dataset.id
    )
    if not dataset.is_pinned and trained is not None:
        sizes = {trained.split: trained.n_images}
        for one in protocols:
            if one.dataset_fingerprint == trained.fingerprint:
                sizes[one.reference_split] = one.n_reference
                sizes[one.held_out_split] = one.n_held_out
        known = trained.model_dump(include={"fingerprint", "resolution", "channels", "n_classes"})
        dataset = dataset.model_copy(update={**known, "splits": {**dataset.splits, **sizes}})
    judged = _most(
        one.extractor_sha256
        for one in protocols
        if (one.dataset_fingerprint, one.extractor) == (dataset.fingerprint, judge.id)
    )
    if unmade and judged is not None:
        judge = judge.model_copy(update={"sha256": judged})
    return registry.model_copy(
        update={
            "datasets": tuple(dataset if d.id == dataset.id else d for d in registry.datasets),
            "extractors": tuple(judge if e.id == judge.id else e for e in registry.extractors),
        }
    )


def _most(values: Iterable[T]) -> T | None:
    """The value that is there most often, of several the first; None of nothing."""
    common = Counter(values).most_common(1)
    return common[0][0] if common else None
