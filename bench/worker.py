"""The boundary of a job: whatever happens inside becomes a record and a sentence.

This is the only place that catches everything.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from threadpoolctl import threadpool_limits

from bench.calibration_task import CalibrationTask
from bench.events import JobEnded, Watch
from bench.job import CalibrationJob, Job, VerifyJob
from bench.store import exclusive
from bench.train import Stopped
from bench.train_task import TrainTask
from bench.verify.task import VerifyTask
from catalog.errors import AigcError

ORPHAN_GRACE_S = 20.0
"""A job whose runner was killed notices and lets go of its directory within this time."""


def run_job(job: Job, watch: Watch, should_stop: Callable[[], bool]) -> JobEnded:
    """Do a job and say how it ended; no exception of the job's own escapes."""
    torch.set_num_threads(job.around.n_threads)
    task = _task(job, watch, should_stop)
    try:
        # numpy's and scikit-learn's threads count too: jobs side by side must not fight for cores
        with threadpool_limits(job.around.n_threads), exclusive(job.directory, ORPHAN_GRACE_S):
            task.run()
    except Stopped:
        task.stopped()
        return JobEnded(job.name, "cancelled", "stopped; the same command goes on from here")
    except Exception as error:  # noqa: BLE001 (the boundary: whatever it is becomes a record)
        task.failed(error)
        hint = error.hint or "" if isinstance(error, AigcError) else ""
        return JobEnded(job.name, "error", f"{type(error).__name__}: {error}", hint)
    return JobEnded(job.name, "success")


def _task(
    job: Job, watch: Watch, should_stop: Callable[[], bool]
) -> CalibrationTask | TrainTask | VerifyTask:
    if isinstance(job, CalibrationJob):
        return CalibrationTask(job, watch)
    if isinstance(job, VerifyJob):
        return VerifyTask(job, watch, should_stop)
    return TrainTask(job, watch, should_stop)
