"""``aigc report compare``: is B better than A, by how much, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from bench.cli.verbs.options import JsonOption, Language, RegistryOption
from bench.cli.verbs.output import emit, emit_items, say
from bench.records.metric_names import MetricName
from catalog.errors import GateFailed

SIDE = (
    "a variant (VARIANT, VARIANT:SAMPLER or VARIANT:SAMPLER:raw|ema), a run directory, a runs"
    " directory or a report folder."
)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=f"The old one: {SIDE}")],
    b: Annotated[str, typer.Argument(metavar="B", help=f"The new one: {SIDE}")],
    runs: Annotated[
        Path | None,
        typer.Option(
            "--runs",
            help="Where runs of a variant are: a runs directory or a report folder; default: the"
            " suite's report.",
        ),
    ] = None,
    suite: Annotated[
        str | None,
        typer.Option(
            "--suite",
            help="Compare only trainings on this suite's data and with its updates; of a variant,"
            " digits unless you say otherwise.",
        ),
    ] = None,
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", help="Only images of this sampler, such as prior or gmm-10."),
    ] = None,
    weights: Annotated[
        Literal["raw", "ema"] | None,
        typer.Option("--weights", help="Only images from last (raw) or averaged (ema) weights."),
    ] = None,
    metric: Annotated[
        MetricName, typer.Option("--metric", help="What is compared; fid ranks the tables.")
    ] = "fid",
    max_regression: Annotated[
        float | None,
        typer.Option(
            "--max-regression",
            min=0,
            metavar="PERCENT",
            help="Exit 5 if B is worse than A by more than this and beyond the noise, or if a row"
            " of A is missing from B or failed there.",
        ),
    ] = None,
    lang: Annotated[Language, typer.Option("--lang", help="Language of the table.")] = "en",
    as_json: JsonOption = False,
    registry_file: RegistryOption = None,
) -> None:
    """Say whether B is better than A, by how much, and how sure that is.

    A is the old result (the baseline), B the new one: a regression means that B is worse than A.
    Two variants or runs are compared with each other; of a folder, every row that both sides have.
    Ratios are of geometric means over training seeds with Welch's 95 % interval on logarithms;
    metrics that may be 0 or below have a difference instead, which --max-regression takes as a
    percentage of A's mean. The noise is that between training seeds; where one side has a single
    seed, the spread of the other stands for both. With one seed on each side it is unknown, and the
    error of drawing the images anew stands in for it, which the table says. Over several rows
    p-values are corrected by Holm.

    Exit 0: compared, and no regression beyond --max-regression. Exit 5: such a regression. Exit 3:
    the scores do not compare, as under different protocols. Exit 4: there is nothing to compare.
    """
    from bench.identity.local_registry import pinned_registry
    from bench.report.compare import Choice, ComparisonPage, pair_up, side_of

    registry = pinned_registry(registry_file)
    choice = Choice(registry.suite(suite) if suite else None, runs, sampler, weights)
    left, right = (side_of(text, choice, registry) for text in (a, b))
    pairing = pair_up(left, right, metric)
    page = ComparisonPage(pairing, lang)
    if as_json:
        emit_items(page.items(max_regression))
    else:
        emit("\n".join(page.table()))
    for note in page.notes():
        say(note)
    lost = (
        [] if max_regression is None else ComparisonPage(pairing, "en").regressions(max_regression)
    )
    if lost:
        raise GateFailed(
            "; ".join(lost),
            where=f"{b}, against {a}",
            hint="the table above says why for each row",
        )
