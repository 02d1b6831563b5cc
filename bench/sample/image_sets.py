"""Image sets of a run that are scored: one per sampler, averaged and raw weights apart."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.identity.digest import sha256_of_data
from bench.identity.protocol import ScoringProtocol
from bench.identity.spec import TrainSpec
from bench.models.facts import AlgorithmFacts, algorithm_facts, says
from bench.records.files import MIXTURE
from bench.records.record import LoadedSubject, RunSubject, Subject

if TYPE_CHECKING:
    from bench.models.base import GenerativeModel

RECONSTRUCTION = "reconstruction"
LOADED_GRID = "grid-loaded.png"
DRAWS = 5
"""Independent draws of each of the calibration sets that rows are compared with."""


def sampler_names(model: type[GenerativeModel]) -> tuple[str, ...]:
    """Names of samplers: the model's own, then the ex-post mixture, then reconstruction."""
    return _samplers(says(model))


def _samplers(model: AlgorithmFacts) -> tuple[str, ...]:
    mixture = (MIXTURE,) if model.encodes else ()
    reconstruction = (RECONSTRUCTION,) if model.reconstructs else ()
    return (*model.samplers, *mixture, *reconstruction)


def expected_subjects(spec: TrainSpec) -> tuple[RunSubject, ...]:
    """All image sets that are scored of one run."""
    averaged = float(str(spec.recipe.get("ema_decay", 0.0))) > 0.0
    return tuple(
        RunSubject(
            run_id=spec.run_id,
            variant=spec.variant,
            seed=spec.seed,
            train_hash=spec.train_hash,
            weights="final",
            ema=ema,
            sampler=sampler,
        )
        for ema in ((True, False) if averaged else (False,))
        for sampler in _samplers(algorithm_facts(spec.algorithm))
    )


def calibration_draws(name: str) -> range:
    """The draws of a calibration set that are scored; most sets have the first one alone."""
    return range(DRAWS if name in {"class-pca-gaussian", "pca-gaussian"} else 1)


def score_hash(subject: Subject, protocol: ScoringProtocol) -> str:
    """Hash of an image set under a protocol; equal sets under equal protocols share it."""
    if isinstance(subject, RunSubject):
        exclude = {"variant", "run_id"}
    elif isinstance(subject, LoadedSubject):
        exclude = {"name", "run_id"}
    else:  # the first draw keeps the hash that it had before there were others
        exclude = set() if subject.draw else {"draw"}
    data = subject.model_dump(mode="json", exclude=exclude)
    return sha256_of_data({"subject": data, "protocol": protocol.key})


def grid_name(subject: RunSubject, *, has_average: bool) -> str:
    """File name of a subject's sample grid inside its run directory."""
    raw = "-raw" if has_average and not subject.ema else ""
    return f"grid-{subject.sampler}{raw}.png"
