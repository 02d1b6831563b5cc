"""Training speed of a variant in three loops, measured in turns, so that drift hits all alike.

Every loop waits in processes of its own until it is its turn; then it has the machine to itself.
The loops are those of ``bench.speed.loops``.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from dataclasses import asdict, dataclass
from typing import Any

import torch

from bench.machine.device import jobs_that_fit
from bench.models.build import resolve_recipe
from bench.run.engines.local import process_context
from bench.speed.loops import Kind, Turn, Workload, serve
from catalog.errors import InvalidInput
from catalog.schema import Registry, Variant

ROUNDS = 3
"""Turns of every loop; the median counts."""
PATIENCE_S = 900.0
"""Longest wait for one answer of a loop, in seconds."""


@dataclass(frozen=True)
class Column:
    """One loop's real images per second, over ``n_jobs`` at once.

    Attributes:
        peak_bytes: of one job: of its tensors on CUDA, of its process on a CPU.
    """

    images_per_s: float
    n_jobs: int
    peak_bytes: int


@dataclass(frozen=True)
class Measurement:
    """One variant on one machine; ``graph`` says whether its updates can be replayed on CUDA."""

    variant: str
    textbook: Column
    plain: Column
    tuned: Column
    graph: str

    @property
    def ratio(self) -> float:
        """Images per second of the tuned loop over those of the textbook's."""
        return self.tuned.images_per_s / self.textbook.images_per_s

    def as_data(self) -> dict[str, Any]:
        """The measurement as plain data, with the ratio."""
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Failed:
    """A variant that could not be measured."""

    variant: str
    reason: str

    def as_data(self) -> dict[str, Any]:
        """The failure as plain data."""
        return asdict(self)


class LoopFailed(Exception):
    """A loop failed; its only argument is the reason."""


def measure(
    registry: Registry, variant: Variant, dataset: str, steps: int, device: torch.device
) -> Measurement | Failed:
    """Train a variant in all loops, in turns of ``steps`` updates."""
    sizes: dict[Kind, Sequence[int]]
    sizes = {"textbook": (1,), "plain": (1,), "tuned": team_sizes(device)}
    try:
        recipe = resolve_recipe(registry, variant, dataset)
        work = Workload(variant.algorithm, recipe, registry.dataset(dataset), steps, str(device))
        with ExitStack() as stack:
            teams = {
                kind: stack.enter_context(closing(Team(kind, work, n))) for kind, n in sizes.items()
            }
            for team in teams.values():  # all warm up before the first is waited for
                team.ask(max(team.sizes))
            for team in teams.values():
                graph = team.answers(max(team.sizes))[0].graph
            for _ in range(ROUNDS):
                for team in teams.values():
                    team.take_turns()
            columns = {kind: best_of(team.rates, team.peak) for kind, team in teams.items()}
            return Measurement(variant.id, graph=graph, **columns)
    except (LoopFailed, InvalidInput) as error:
        return Failed(variant.id, str(error))


def team_sizes(device: torch.device) -> tuple[int, ...]:
    """Numbers of tuned jobs at once that are tried: one per core on a CPU, 1, 2, 4 on a GPU."""
    n_cores = os.cpu_count() or 1
    if device.type == "cpu":
        return (n_cores,)
    most = min(n_cores, jobs_that_fit(device))
    return tuple(n for n in (1, 2, 4) if n <= most)


def best_of(rates: Mapping[int, Sequence[float]], peak_bytes: int) -> Column:
    """The best number of jobs at once, by the median of what they achieved together."""
    medians = {n: statistics.median(measured) for n, measured in rates.items()}
    best = max(medians, key=medians.__getitem__)
    return Column(medians[best], best, peak_bytes)


class Team:
    """Processes that run one loop, from now until ``close``.

    Args:
        kind: which loop.
        work: what it trains.
        sizes: numbers of processes that run at once, in ascending order.

    Attributes:
        rates: by number at once, the images per second of all of them together, turn by turn.
        peak: most memory in bytes that any of them took.
    """

    def __init__(self, kind: Kind, work: Workload, sizes: Sequence[int]) -> None:
        self.kind, self.sizes = kind, sizes
        self.rates: dict[int, list[float]] = {n: [] for n in sizes}
        self.peak = 0
        self._members = []
        context = process_context(work.device)
        for _ in range(max(sizes)):
            here, there = context.Pipe()
            process = context.Process(  # type: ignore[attr-defined]
                target=serve, args=(kind, work, there), daemon=True
            )
            process.start()
            there.close()  # or its end would never be noticed
            self._members.append((here, process))

    def close(self) -> None:
        """End all processes."""
        for pipe, process in self._members:
            pipe.close()
            process.terminate()
            process.join()

    def take_turns(self) -> None:
        """Measure once with every number of processes at once.

        Raises:
            LoopFailed: one of them failed or is gone.
        """
        for n in self.sizes:
            self.ask(n)
            turns = self.answers(n)
            self.rates[n].append(sum(turn.images_per_s for turn in turns))
            self.peak = max(self.peak, *(turn.peak_bytes for turn in turns))

    def ask(self, n: int) -> None:
        """Let the first n take a turn; the first of all turns warms them up."""
        for pipe, _ in self._members[:n]:
            with suppress(OSError):  # it is gone, which its answer will say
                pipe.send(True)

    def answers(self, n: int) -> list[Turn]:
        """The turns of the first n, once all are over.

        Raises:
            LoopFailed: one of them failed or is gone.
        """
        turns = []
        for pipe, process in self._members[:n]:
            try:
                if not pipe.poll(PATIENCE_S):
                    raise LoopFailed(f"{self.kind}: no answer within {PATIENCE_S:.0f} s")
                turn: Turn | str = pipe.recv()
            except (EOFError, OSError) as error:
                process.join()
                raise LoopFailed(f"{self.kind}: process ended with {process.exitcode}") from error
            if isinstance(turn, str):
                raise LoopFailed(f"{self.kind}: {turn}")
            turns.append(turn)
        return turns
