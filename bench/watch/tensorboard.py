"""Scalars, scores and final grids of a run as TensorBoard reads them, one folder a job.

It hears the events of a run in the process of the command and reads what jobs leave in their
directories; jobs know nothing of it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from bench.records.metric_names import LABELS, metric_label
from bench.records.picture_files import png_bytes
from bench.records.record import RunSubject, ScoreRecord
from bench.records.run_directory import RunDirectory
from bench.run.events import Event, JobEnded, TrainProgress, Watch
from bench.run.plan import Plan, PlannedJob
from catalog.errors import InvalidInput
from catalog.escaping import md_text
from catalog.markdown_table import markdown_table

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

FLUSH_EVERY_S = 10


class TensorBoard(AbstractContextManager["TensorBoard"]):
    """A watcher that writes what it hears into folders named for the runs, and passes it on.

    A training that goes on from a checkpoint goes on in its folder; what was written of steps
    beyond the checkpoint is hidden. A disk without room ends the writing, not the run.

    Args:
        plan: whose jobs are heard of.
        folder: to write into; ``tensorboard --logdir`` is given the same.
        watch: who else wants to know.

    Attributes:
        problem: why no more is written, None while all is well.
    """

    def __init__(self, plan: Plan, folder: Path, watch: Watch) -> None:
        self.folder = folder
        self.watch = watch
        self.problem: str | None = None
        self._protocol_key = plan.protocol.key
        self._jobs = {job.spec.label: job for job in plan.jobs}
        self._writers: dict[str, SummaryWriter] = {}
        self._steps: dict[str, int] = {}

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        if self.problem is None and event.job in self._jobs:
            try:
                self._write(event)
            except OSError as refusal:
                self._give_up(refusal)
        self.watch(event)

    def __exit__(self, *_: object) -> None:
        """Write what is waiting to be written, whatever happened."""
        for job in list(self._writers):
            self._close(job)

    def _write(self, event: Event) -> None:
        if isinstance(event, TrainProgress):
            writer = self._writer(event.job, purge_step=event.step)
            for name, value in event.losses.items():
                writer.add_scalar(f"loss/{name}", value, event.step)
            writer.add_scalar("speed/images per second", event.images_per_s, event.step)
            self._steps[event.job] = event.step
        elif isinstance(event, JobEnded):
            self._end(self._jobs[event.job], event)
            self._close(event.job)

    def _writer(self, job: str, purge_step: int | None = None) -> SummaryWriter:
        """The writer of a job; ``purge_step`` is the first step of this sitting, if it trains."""
        if job not in self._writers:
            from torch.utils.tensorboard import SummaryWriter

            self._writers[job] = SummaryWriter(
                str(self.folder / self._jobs[job].spec.run_id),
                purge_step=purge_step,
                flush_secs=FLUSH_EVERY_S,
            )
        return self._writers[job]

    def _end(self, job: PlannedJob, ended: JobEnded) -> None:
        """How a job ended and where; after a success also its scores and grids."""
        writer, succeeded = self._writer(ended.job), ended.status == "success"
        step = job.spec.steps if succeeded else self._steps.get(ended.job, 0)
        message = f": {md_text(ended.message)}" if ended.message else ""
        writer.add_text("outcome", f"{ended.status}{message}", step)
        if not succeeded:
            return
        directory = RunDirectory(job.directory)
        scores = [s for s in _scores(directory) if s.protocol_key == self._protocol_key]
        for score in scores:
            for name, value in _values(score):
                writer.add_scalar(name, value, step)
        writer.add_text("scores", _table(scores), step)
        for grid in sorted(directory.path.glob("grid-*.png")):
            _add_picture(writer, grid, step)

    def _close(self, job: str) -> None:
        writer = self._writers.pop(job, None)
        if writer is None:
            return
        try:
            writer.close()
        except OSError as refusal:
            self._give_up(refusal)

    def _give_up(self, refusal: OSError) -> None:
        self.problem = self.problem or f"no longer written: {refusal.strerror or refusal}"


def _scores(directory: RunDirectory) -> list[ScoreRecord]:
    """All score records of a run; none where one of them is broken, which ``verify`` tells."""
    try:
        return directory.score_records()
    except InvalidInput:
        return []


def _values(score: ScoreRecord) -> list[tuple[str, float]]:
    """Tag and value of every number of a score: ``score/prior/FD[digits-cnn]``."""
    extractor = score.protocol.extractor
    return [
        (f"score/{_sampler(score)}/{_label(metric.name, extractor)}", metric.value)
        for metric in score.metrics
        if metric.value is not None
    ]


def _table(scores: list[ScoreRecord]) -> str:
    """The numbers in Markdown, with the key that says what they may be compared with."""
    rows = [
        [
            _sampler(score),
            _label(metric.name, score.protocol.extractor),
            f"{metric.value:.6g}"
            if metric.value is not None
            else md_text(str(metric.missing_reason)),
        ]
        for score in scores
        for metric in score.metrics
    ]
    keys = sorted(
        {f"{md_text(s.protocol.id)}, key {s.protocol_key}, n = {s.n_images}" for s in scores}
    )
    return "\n".join([*markdown_table(("sampler", "metric", "value"), rows), "", *keys])


def _label(metric: str, extractor: str) -> str:
    """FID, IS and KID under the name that their features allow, and so what is derived from FID."""
    if metric in LABELS:
        return metric_label(metric, extractor)
    words = metric.replace("_", " ")
    return words.replace("fid", metric_label("fid", extractor)) if "fid" in metric else words


def _sampler(score: ScoreRecord) -> str:
    """The image set of a score within its run: its sampler, and which weights where two differ."""
    subject = score.subject
    if not isinstance(subject, RunSubject):
        return subject.name
    return f"{subject.sampler} (averaged weights)" if subject.ema else subject.sampler


def _add_picture(writer: SummaryWriter, file: Path, step: int) -> None:
    import numpy as np
    from PIL import Image

    with Image.open(BytesIO(png_bytes(file)), formats=["PNG"]) as image:
        pixels = np.asarray(image.convert("RGB"))
    writer.add_image(file.stem.replace("grid-", "grid/", 1), pixels, step, dataformats="HWC")
