"""The boundary of a job: whatever happens inside becomes a record and a sentence.

This is the only place that catches everything.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import RLock

import torch
from threadpoolctl import threadpool_limits
from tqdm import tqdm  # type: ignore[import-untyped]

from bench.records.run_directory import exclusive
from bench.run.events import JobEnded, Watch
from bench.run.failures import diagnose
from bench.run.heartbeat import Heartbeat
from bench.run.job import Job
from bench.train.loop import Stopped

ORPHAN_GRACE_S = 20.0
"""A job whose runner was killed notices and lets go of its directory within this time."""


def run_job(job: Job, watch: Watch, should_stop: Callable[[], bool]) -> JobEnded:
    """Do a job and say how it ended; no exception of the job's own escapes."""
    torch.set_num_threads(job.n_threads)
    # Its usual lock is a semaphore of the system: where the process is ended, a warning is left.
    tqdm.set_lock(RLock())
    heartbeat = Heartbeat(job.directory, watch)
    task = job.task(heartbeat, should_stop)
    try:
        # numpy's and scikit-learn's threads count too: jobs side by side must not fight for cores
        with (
            threadpool_limits(job.n_threads),
            exclusive(job.directory, ORPHAN_GRACE_S),
            heartbeat,
        ):
            remark = task.run()
    except Stopped:
        with suppress(OSError):  # a record that says "started" is gone on from as well
            task.stopped()
        return JobEnded(job.name, "cancelled", "stopped; the same command goes on from here")
    except Exception as error:  # noqa: BLE001 (the boundary: whatever it is becomes a record)
        diagnosis = diagnose(error)
        message = f"{diagnosis.kind}: {diagnosis.message}"
        try:
            task.failed(error)
        except OSError as refusal:  # the disk that refused the work may refuse its record too
            message += f"; there is no record of it: {refusal.strerror}"
        return JobEnded(job.name, "error", message, diagnosis.hint)
    return JobEnded(job.name, "success", remark)
