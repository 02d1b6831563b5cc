"""What most tests of reports start from: a small registry, and an empty folder of runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_runs import Runs, make_registry

from bench.identity import protocol as protocols
from catalog.schema import Registry


@pytest.fixture
def small_registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A few variants on one data set, scored by one version of torch-fidelity."""
    monkeypatch.setattr(protocols, "version", lambda _: "0.4.0")
    return make_registry()


@pytest.fixture
def runs(tmp_path: Path, small_registry: Registry) -> Runs:
    """Where a test puts the runs that it needs: ``tmp_path/runs``."""
    return Runs(tmp_path / "runs", protocols.resolve(small_registry, "digits-10k"))
