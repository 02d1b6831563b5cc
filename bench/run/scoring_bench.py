"""Score records: one set of images measured under one protocol, with all that the number needs."""

from __future__ import annotations

import time

import torch
from torch import Tensor

from bench.data import ImageData
from bench.identity.code import code_of_scoring
from bench.identity.digest import sha256_of_arrays
from bench.records.environment import environment, provenance
from bench.records.record import CalibrationSubject, ScoreRecord, Subject
from bench.run.job import Surroundings
from bench.run.journal import now
from bench.sample.image_sets import score_hash
from bench.score.scorer import Scorer
from bench.score.subset_scorer import SubsetScorer


class ScoringBench:
    """Scores image sets one after another; the extractor and the reference are loaded once."""

    def __init__(self, around: Surroundings, data: ImageData) -> None:
        self.protocol = around.protocol
        self.device = torch.device(around.device)
        self.subset = around.protocol.prc_samples is not None
        self.registry_sha256 = around.registry_sha256
        self.scorer = (SubsetScorer if self.subset else Scorer)(
            data, around.protocol, around.extractor, self.device, around.extractor_weights
        )

    def record(
        self,
        subject: Subject,
        images: Tensor,
        sample_wall_s: float,
        *,
        labels: Tensor | None = None,
        comparable: bool = True,
    ) -> ScoreRecord:
        """The score record of ``images`` (N, C, H, W) uint8; ``labels`` are classes asked for."""
        start = time.perf_counter()
        metrics = self.scorer.score(images, labels)
        return ScoreRecord(
            score_hash=score_hash(subject, self.protocol),
            subject=subject,
            protocol=self.protocol,
            protocol_key=self.protocol.key,
            comparable=comparable,
            n_images=len(images),
            images_sha256=sha256_of_arrays(images.numpy()),
            n_distinct=n_distinct(images),
            metrics=metrics,
            sample_wall_s=sample_wall_s,
            score_wall_s=time.perf_counter() - start,
            created_at=now(),
            environment=environment(self.device),
            provenance=provenance(self.registry_sha256, self._code_of(subject)),
        )

    def _code_of(self, subject: Subject) -> str:
        return code_of_scoring(
            self.protocol.extractor,
            subset=self.subset,
            calibration=isinstance(subject, CalibrationSubject),
        )


def n_distinct(images: Tensor) -> int:
    """How many of (N, C, H, W) uint8 images differ from every earlier one in some pixel."""
    return len({image.tobytes() for image in images.numpy()})
