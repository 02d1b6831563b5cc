"""A whole train job in the process of the tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers import tiny_registry

from bench.run.job import Job
from bench.run.plan import make_plan
from bench.run.runner import TrainJob, jobs_of, surroundings
from catalog.read.loader import load_registry


@pytest.fixture
def job_of(tmp_path: Path) -> Callable[..., TrainJob]:
    """The train job of a registry entry, in a runs directory of some name."""

    def make(variant: dict[str, Any], runs: str = "runs") -> TrainJob:
        file = tiny_registry(tmp_path / "registry.yaml", [variant])
        registry = load_registry(file)
        plan = make_plan(registry, registry.suite("tiny"), tmp_path / runs)
        around = surroundings(plan, torch.device("cpu"), file, None)
        job: Job = jobs_of(plan, around, retry_failed=False)[-1]
        assert isinstance(job, TrainJob)
        return job

    return make
