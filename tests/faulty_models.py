"""Models that misbehave on purpose, for tests of the machinery that has to survive them.

They are named in registries of tests as ``faulty_models:Faulty``; see ``helpers.offer_plugin``.
"""

from __future__ import annotations

import ctypes
import math
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Literal

import torch
from torch import Tensor

from bench.models.base import Batch, StepContext
from bench.models.noise import ImageNoise
from bench.models.vae import VAE, VAERecipe
from bench.networks.shape import ImageShape

GATE_DEADLINE_S = 120.0
Fault = Literal[
    "none",
    "exit",
    "segfault",
    "kill",
    "raise",
    "nan",
    "loss",
    "weights",
    "allocate",
    "hoard",
    "wait",
    "collapse",
]


class FaultyRecipe(VAERecipe):
    """A VAE's settings, and what goes wrong when.

    Attributes:
        fault: ``nan``, ``loss`` and ``weights`` spoil those; ``allocate`` asks for more memory than
            there is at once, ``hoard`` takes more and more; ``collapse`` makes one image only;
            ``wait`` holds the update back while ``gate`` is there and nobody says SIGTERM.
        at_step: the update in which it happens.
        says: the message of ``raise``.
        gate: a file; the process leaves its own id beside it, as ``<gate>.pid``, when it waits.
            For ``hoard`` it is the file that takes the process into a group with bounded memory.
    """

    fault: Fault = "none"
    at_step: int = 5
    says: str = "the model is broken"
    gate: str = ""


class Faulty(VAE):
    """A VAE whose training meets a fault."""

    recipe_type = FaultyRecipe

    def __init__(self, recipe: FaultyRecipe, shape: ImageShape, n_classes: int) -> None:
        super().__init__(recipe, shape, n_classes)
        self.plan = recipe

    def step(self, batch: Batch, ctx: StepContext) -> dict[str, Tensor]:
        """One update of the VAE, spoilt if its time has come."""
        now = ctx.step == self.plan.at_step
        if now:
            self._misbehave()
        losses = super().step(batch, ctx)
        if now and self.plan.fault == "weights":
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.mul_(1e6)
        spoilt = {"nan": math.nan, "loss": 1e12}.get(self.plan.fault) if now else None
        return losses if spoilt is None else {name: loss * spoilt for name, loss in losses.items()}

    def sample(self, noise: ImageNoise, labels: Tensor | None = None) -> Tensor:
        """Images of the VAE, or one image over and over."""
        images = super().sample(noise, labels)
        return images[:1].expand_as(images) if self.plan.fault == "collapse" else images

    def _misbehave(self) -> None:
        match self.plan.fault:
            case "exit":
                os._exit(3)
            case "segfault":
                ctypes.string_at(0)
            case "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            case "raise":
                raise RuntimeError(self.plan.says)
            case "allocate":
                torch.empty(1 << 60)
            case "hoard":
                _hoard(self.plan.gate)
            case "wait":
                _wait_while(Path(self.plan.gate))


def _hoard(group: str) -> None:
    if group:
        Path(group).write_text(str(os.getpid()))
    hoarded = []
    while True:
        hoarded.append(bytearray(b"x") * 50_000_000)
        time.sleep(0.05)  # a gigabyte a second: nothing else on the machine is to suffer


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
