"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from catalog.errors import MissingPrerequisite, UsageError

if TYPE_CHECKING:
    import torch

Language = Literal["en", "zh"]
RegistryOption = Annotated[
    Path | None,
    typer.Option("--registry", envvar="AIGC_REGISTRY", help="Another registry file."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]
RunsOption = Annotated[
    Path, typer.Option("--output-dir", "-o", envvar="AIGC_OUTPUT_DIR", help="Where runs are kept.")
]
DEFAULT_RUNS = Path("runs")
DeviceOption = Annotated[
    str, typer.Option("--device", envvar="AIGC_DEVICE", help="auto, cpu, cuda or cuda:N.")
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", min=1, help="Jobs at once; default one per CPU core, up to 4 on a GPU."),
]
WeightsOption = Annotated[
    Path | None,
    typer.Option("--extractor-weights", help="Weight file of the feature network."),
]
DataDirOption = Annotated[
    Path | None,
    typer.Option("--data-dir", envvar="AIGC_DATA_DIR", help="Where torchvision keeps data sets."),
]
DownloadOption = Annotated[
    bool, typer.Option("--download", help="Fetch files of the data set that are missing.")
]

SuiteArgument = Annotated[str, typer.Argument(help="A suite; aigc bench list --kind suites.")]
VariantsArgument = Annotated[
    list[str] | None, typer.Argument(help="Only these variants of the suite.")
]
SeedsOption = Annotated[
    str | None, typer.Option("--seeds", help="Training seeds, such as 0-4 or 0,2.")
]
StepsOption = Annotated[
    int | None, typer.Option("--steps", min=1, max=10**9, help="Updates per run, not the suite's.")
]
LimitOption = Annotated[
    int | None,
    typer.Option("--limit", "-L", min=2, help="Images per score; keeps runs out of leaderboards."),
]
SmokeOption = Annotated[
    bool, typer.Option("--smoke", help="A few updates, to see that everything works; unranked.")
]
PrecisionOption = Annotated[
    Literal["fp32", "bf16"] | None,
    typer.Option("--precision", help="Of passes through networks; bf16 is another training."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of your own, such as optimizer.lr=1e-4; repeatable."),
]
SweepOption = Annotated[
    list[str] | None,
    typer.Option("--sweep", help="A row for each value, such as width=32,64; repeatable."),
]
StartOption = Annotated[
    Path | None,
    typer.Option("--start-from", help="A finished run whose weights every training goes on from."),
]
BudgetOption = Annotated[
    Literal["tiny", "short", "paper"] | None,
    typer.Option("--budget", help="How long is trained: the suite SUITE-BUDGET."),
]
ProtocolOption = Annotated[
    str | None,
    typer.Option("--protocol", help="Score under another protocol of the data set."),
]
LanguageOption = Annotated[Language, typer.Option("--lang", help="Language of the page.")]
FirstLanguageOption = Annotated[
    Language,
    typer.Option("--lang", help="Language of the page that is named first; both are written."),
]
ReplaceOption = Annotated[
    bool,
    typer.Option(
        "--replace",
        help="Let go, after listing it, what git tracks or was made from other records.",
    ),
]
ReportsOption = Annotated[
    Path, typer.Option("--output-dir", "-o", help="The folder of your reports.")
]
CommittedReportsOption = Annotated[
    Path, typer.Option("--reports", help="The folder of the committed reports.")
]
DEFAULT_REPORTS = Path("reports")
OWN_REPORTS = Path("my-reports")
"""Where reports go unless asked otherwise: beside the committed ones, and ignored by git."""

LARGEST_SEED = 2**32 - 1
MOST_SEEDS = 1000


def slots_on(device: torch.device, jobs: int | None) -> int:
    """Jobs at once: as many as asked for, else one per core, on a GPU as many as share it well."""
    if jobs:
        return jobs
    n_cores = os.cpu_count() or 1
    if device.type != "cuda":
        return n_cores
    from bench.machine.device import jobs_that_fit

    return min(jobs_that_fit(device), n_cores)


def require_tensorboard() -> None:
    """Refuse to begin where TensorBoard is not installed.

    Raises:
        MissingPrerequisite: it is not.
    """
    if find_spec("tensorboard") is None:
        raise MissingPrerequisite(
            "TensorBoard is not installed", hint="pip install 'aigc-bench[tensorboard]'"
        )


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds from a list of numbers and ranges: ``0-4`` or ``0,2,5-7``.

    Raises:
        UsageError: the text is not of that form.
    """
    seeds: list[int] = []
    for part in filter(None, text.split(",")):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise UsageError(f"'{text}' is not a list of seeds", hint="write 0-4 or 0,2,5-7")
        first, last = int(match[1][:20]), int((match[2] or match[1])[:20])
        if last > LARGEST_SEED or last - first >= MOST_SEEDS:
            raise UsageError(
                f"'{text}' asks for too many seeds, or too large ones",
                hint=f"at most {MOST_SEEDS:,} seeds, none above {LARGEST_SEED:,}",
            )
        seeds += range(first, last + 1)
    if not text or not seeds or len(set(seeds)) != len(seeds):
        raise UsageError(f"'{text}' names no seeds, or one of them twice", hint="write 0-4 or 0,2")
    return tuple(seeds)


def parse_duration(text: str) -> float | None:
    """Seconds from ``90``, ``90s``, ``10m`` or ``2h``; None from ``0``.

    Raises:
        UsageError: the text is not a duration.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if match is None:
        raise UsageError(f"'{text}' is not a duration", hint="write 90s, 10m or 2h; 0 for no limit")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] or None


def parse_size(text: str) -> int:
    """Bytes from ``800MB`` or ``4GB``, in powers of ten.

    Raises:
        UsageError: the text is not a positive size.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([MG])B?", text.strip(), re.IGNORECASE)
    n_bytes = int(float(match[1]) * {"M": 1e6, "G": 1e9}[match[2].upper()]) if match else 0
    if n_bytes <= 0:
        raise UsageError(f"'{text}' is not a size", hint="write 800MB or 4GB")
    return n_bytes
