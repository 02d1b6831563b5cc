"""How fast a variant trains in three loops, measured in turns, so that drift hits all alike.

Every loop waits in processes of its own until it is its turn; then it has the machine to itself.
The loops are those of ``bench.speed.loops``.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass
from typing import Any

import torch

from bench.machine.device import jobs_that_fit
from bench.speed.loops import Broken, Kind, Ready, Turn, Workload, serve
from catalog.schema import Registry, Variant

ROUNDS = 3
"""Turns of every loop; the median counts."""
PATIENCE_S = 900.0
"""For one answer of a loop."""


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
        """How many times as many images the tuned loop shows as the textbook's."""
        return self.tuned.images_per_s / self.textbook.images_per_s

    def as_data(self) -> dict[str, Any]:
        """Plain data, the ratio included."""
        return {**asdict(self), "ratio": self.ratio}


@dataclass(frozen=True)
class Failed:
    """A variant that could not be measured."""

    variant: str
    reason: str

    def as_data(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class LoopFailed(Exception):
    """A loop failed; its only argument is the reason."""


def measure(
    registry: Registry, variant: Variant, dataset: str, steps: int, device: torch.device
) -> Measurement | Failed:
    """Train a variant in all loops, in turns of ``steps`` updates."""
    work = Workload(registry, variant, registry.dataset(dataset), steps, str(device))
    try:
        with ExitStack() as stack:
            textbook = Team("textbook", work, (1,))
            plain = Team("plain", work, (1,))
            tuned = Team("tuned", work, team_sizes(device))
            for team in (textbook, plain, tuned):  # all start before the first is waited for
                stack.callback(team.close)
                team.start()
            for team in (textbook, plain, tuned):
                team.wait()
            for _ in range(ROUNDS):
                for team in (textbook, plain, tuned):
                    team.take_turns()
            return Measurement(
                variant.id,
                textbook=textbook.column(),
                plain=plain.column(),
                tuned=tuned.column(),
                graph=tuned.graph,
            )
    except LoopFailed as error:
        return Failed(variant.id, str(error))


def team_sizes(device: torch.device) -> tuple[int, ...]:
    """Numbers of tuned jobs at once that are tried: one per core on a CPU, 1, 2, 4 on a GPU."""
    n_cores = os.cpu_count() or 1
    if device.type == "cpu":
        return (n_cores,)
    most = min(n_cores, jobs_that_fit(device))
    return tuple(n for n in (1, 2, 4) if n <= most)


class Team:
    """Processes that run one loop, from ``start`` to ``close``.

    Args:
        kind: which loop.
        work: what it trains.
        sizes: how many of them shall run at once, in ascending order.

    Attributes:
        graph: what the loop says of replaying updates.
    """

    def __init__(self, kind: Kind, work: Workload, sizes: Sequence[int]) -> None:
        self.kind = kind
        self.graph = ""
        self._sizes = sizes
        self._rates: dict[int, list[float]] = {n: [] for n in sizes}
        self._peak = 0
        context = multiprocessing.get_context("spawn")
        ends = [context.Pipe() for _ in range(max(sizes))]
        self._pipes = [here for here, _ in ends]
        self._theirs = [there for _, there in ends]
        self._processes = [
            context.Process(target=serve, args=(kind, work, there), daemon=True)
            for there in self._theirs
        ]

    def start(self) -> None:
        """Start all of them; each warms up by itself."""
        for process, there in zip(self._processes, self._theirs, strict=True):
            process.start()
            there.close()  # or its end would never be noticed

    def wait(self) -> None:
        """Until all are warm.

        Raises:
            LoopFailed: one of them failed or is gone.
        """
        for index in range(len(self._pipes)):
            ready = self._answer(index)
            if isinstance(ready, Ready):
                self.graph = ready.graph

    def close(self) -> None:
        """End all of them."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if process.pid is not None:
                process.terminate()
                process.join()

    def take_turns(self) -> None:
        """Measure once with every number of processes at once.

        Raises:
            LoopFailed: one of them failed or is gone.
        """
        for n in self._sizes:
            for pipe in self._pipes[:n]:
                with suppress(OSError):  # it is gone, which its answer will say
                    pipe.send(True)
            turns = [self._answer(index) for index in range(n)]
            rates = [turn.images_per_s for turn in turns if isinstance(turn, Turn)]
            peaks = [turn.peak_bytes for turn in turns if isinstance(turn, Turn)]
            self._rates[n].append(sum(rates))
            self._peak = max(self._peak, *peaks)

    def column(self) -> Column:
        """The best number of processes, by the median of its turns."""
        medians = {n: statistics.median(rates) for n, rates in self._rates.items()}
        best = max(medians, key=medians.__getitem__)
        return Column(medians[best], best, self._peak)

    def _answer(self, index: int) -> Ready | Turn:
        pipe, process = self._pipes[index], self._processes[index]
        try:
            if not pipe.poll(PATIENCE_S):
                raise LoopFailed(f"{self.kind}: no answer within {PATIENCE_S:.0f} s")
            answer: Ready | Turn | Broken = pipe.recv()
        except (EOFError, OSError) as error:
            process.join()
            raise LoopFailed(f"{self.kind}: process ended with {process.exitcode}") from error
        if isinstance(answer, Broken):
            raise LoopFailed(f"{self.kind}: {answer.reason}")
        return answer
