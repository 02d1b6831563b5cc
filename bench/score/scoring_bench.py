"""Score records: one set of images measured under one protocol, with all that the number needs."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from torch import Tensor

from bench.data import ImageData
from bench.identity.code import code_of_scoring
from bench.identity.digest import sha256_of_arrays
from bench.identity.protocol import ScoringProtocol
from bench.records.environment import environment, provenance
from bench.records.record import CalibrationSubject, ScoreRecord, Subject, now
from bench.sample.image_sets import score_hash
from bench.score.scorer import Scorer
from catalog.schema import Extractor


class ScoringBench:
    """Scores image sets one after another; the extractor and the reference are loaded once.

    Args:
        data: the protocol's data set.
        protocol: what is measured and how.
        entry: the protocol's extractor.
        device: where features are made.
        registry_sha256: of the registry file that all this comes from.
        extractor_weights: file to read the extractor's weights from instead of the usual one.

    Raises:
        MissingPrerequisite: the extractor's weights are absent.
        InvalidInput: data or extractor are not those of the protocol.
    """

    def __init__(
        self,
        data: ImageData,
        protocol: ScoringProtocol,
        entry: Extractor,
        device: torch.device,
        *,
        registry_sha256: str,
        extractor_weights: Path | None = None,
    ) -> None:
        self.protocol = protocol
        self.device = device
        self.registry_sha256 = registry_sha256
        self.scorer = Scorer(data, protocol, entry, device, extractor_weights)

    def record(
        self,
        subject: Subject,
        images: Tensor,
        sample_wall_s: float,
        *,
        labels: Tensor | None = None,
        trained_on: str | None = None,
        comparable: bool = True,
    ) -> ScoreRecord:
        """The score record of ``images`` (N, C, H, W) uint8.

        Args:
            subject: what the images are of.
            images: in the order of their indices.
            sample_wall_s: what making them took.
            labels: classes that they were asked to be of.
            trained_on: the split that their model saw; the reference, from which calibration sets
                are made, where there is none.
            comparable: whether the settings are those of the suite.
        """
        start = time.perf_counter()
        metrics = self.scorer.score(images, labels, trained_on=trained_on)
        calibration = subject.name if isinstance(subject, CalibrationSubject) else None
        code = code_of_scoring(self.protocol.extractor, calibration)
        return ScoreRecord(
            score_hash=score_hash(subject, self.protocol),
            subject=subject,
            protocol=self.protocol,
            protocol_key=self.protocol.key,
            comparable=comparable,
            n_images=len(images),
            images_sha256=sha256_of_arrays(images.numpy()),
            n_distinct=len({image.tobytes() for image in images.numpy()}),
            metrics=metrics,
            sample_wall_s=sample_wall_s,
            score_wall_s=time.perf_counter() - start,
            created_at=now(),
            environment=environment(self.device),
            provenance=provenance(self.registry_sha256, code),
        )
