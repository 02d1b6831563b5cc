"""Speeds as a Markdown table, with what they were measured on above and the median below."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from bench.machine.units import size_text
from bench.records.environment import environment
from bench.speed.measure import Failed, Measurement
from catalog.escaping import md_text
from catalog.markdown_table import markdown_table

HEAD = (
    *("variant", "textbook, images/s", "plain, images/s", "tuned, images/s", "at once", "ratio"),
    *("memory: textbook, plain, tuned", "CUDA graph"),
)
Result = Measurement | Failed


@dataclass(frozen=True)
class Setting:
    """Machine and settings that all rows of a table share."""

    device_name: str
    device: str
    n_cores: int
    os: str
    torch_version: str
    dataset: str
    steps: int

    @classmethod
    def here(cls, device: torch.device, dataset: str, steps: int) -> Setting:
        """The setting of this machine."""
        found, n_cores = environment(device), os.cpu_count() or 1
        names = (found.device_name, str(device), n_cores, found.os, found.packages["torch"])
        return cls(*names, dataset=dataset, steps=steps)

    def sentence(self) -> str:
        """The setting as one line of Markdown."""
        names = (self.device_name, self.os, self.torch_version, self.dataset)
        device_name, os_name, torch_version, dataset = map(md_text, names)
        return (
            f"{device_name} ({self.device}), {self.n_cores} CPU cores, {os_name}, "
            f"torch {torch_version}; data set {dataset}, {self.steps} updates per turn."
        )


def markdown(setting: Setting, results: Sequence[Result]) -> str:
    """The whole text, without a newline at its end."""
    lines = [setting.sentence(), "", *markdown_table(HEAD, [_cells(one) for one in results])]
    median = median_ratio(results)
    if median is not None:
        lines += ["", f"Median ratio of tuned to textbook: **{median:.2f}x**"]
    return "\n".join(lines)


def median_ratio(results: Sequence[Result]) -> float | None:
    """Median ratio of the variants that could be measured; None if none could."""
    ratios = [result.ratio for result in results if isinstance(result, Measurement)]
    return statistics.median(ratios) if ratios else None


def _cells(result: Result) -> list[str]:
    if isinstance(result, Failed):
        return [
            md_text(result.variant),
            f"failed: {md_text(result.reason)}",
            *[""] * (len(HEAD) - 2),
        ]
    columns = (result.textbook, result.plain, result.tuned)
    return [
        md_text(result.variant),
        *(f"{column.images_per_s:,.0f}" for column in columns),
        str(result.tuned.n_jobs),
        f"{result.ratio:.2f}x",
        ", ".join(size_text(column.peak_bytes) for column in columns),
        md_text(result.graph),
    ]
