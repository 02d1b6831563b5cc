"""Models that misbehave on purpose, for tests of the machinery that has to survive them.

They are named in registries of tests as ``faulty_models:Faulty``; see ``helpers.offer_plugin``.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Literal

from torch import Tensor

from bench.models.base import StepContext
from bench.models.vae import VAE, VAERecipe
from bench.networks.shape import ImageShape

GATE_DEADLINE_S = 120.0


class FaultyRecipe(VAERecipe):
    """A VAE's settings, and what goes wrong when.

    Attributes:
        fault: ``wait`` holds the update back while ``gate`` is there and nobody says SIGTERM.
        at_step: the update in which it happens.
        says: the message of ``raise``.
        gate: a file; the process leaves its own id beside it, as ``<gate>.pid``, when it waits.
    """

    fault: Literal["none", "exit", "segfault", "raise", "wait"] = "none"
    at_step: int = 5
    says: str = "the model is broken"
    gate: str = ""


class Faulty(VAE):
    """A VAE whose training meets a fault."""

    recipe_type = FaultyRecipe

    def __init__(self, recipe: FaultyRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.plan = recipe

    def step(self, images: Tensor, labels: Tensor, ctx: StepContext) -> dict[str, Tensor]:
        """One update of the VAE, after the fault if its time has come."""
        if ctx.step == self.plan.at_step:
            self._misbehave()
        return super().step(images, labels, ctx)

    def _misbehave(self) -> None:
        match self.plan.fault:
            case "exit":
                os._exit(3)
            case "segfault":
                os.kill(os.getpid(), signal.SIGSEGV)
            case "raise":
                raise RuntimeError(self.plan.says)
            case "wait":
                _wait_while(Path(self.plan.gate))


def _wait_while(gate: Path) -> None:
    if not gate.exists():
        return
    told: list[int] = []
    usual = signal.getsignal(signal.SIGTERM)

    def hear(number: int, frame: FrameType | None) -> None:
        told.append(number)
        if callable(usual):
            usual(number, frame)

    signal.signal(signal.SIGTERM, hear)
    draft = gate.with_name(f"{gate.name}.draft")
    draft.write_text(str(os.getpid()))
    draft.replace(gate.with_name(f"{gate.name}.pid"))
    give_up = time.monotonic() + GATE_DEADLINE_S
    while gate.exists() and not told and time.monotonic() < give_up:
        time.sleep(0.01)
    signal.signal(signal.SIGTERM, usual)
