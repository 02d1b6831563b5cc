"""How a look at running jobs appears on a terminal: a line a job, a small curve a loss."""

from __future__ import annotations

from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.machine.units import about
from bench.watch.job_state import JobState, WorkInProgress, newest_sign, speed_text
from bench.watch.sparkline import bar, braille, shown_range
from catalog.escaping import visible, visible_lines

WIDEST_CURVE, NARROWEST_CURVE, CURVE_HEIGHT = 40, 8, 2
NUMBER_WIDTH = 10
"""Of a number in four digits, with sign and exponent."""
BAR_WIDTH = 10
INDENT = 2
COLOURS = {"running": "green", "success": "cyan", "error": "red", "dead": "red"}


def rendered(work: WorkInProgress, width: int) -> RenderableType:
    """A look for a terminal of so many columns; curves of all jobs begin in one of them.

    A character that takes two columns is counted as two.
    """
    names = [visible(name) for job in work.jobs for name in _names(job)]
    name_width = max(map(cell_len, names), default=0)
    left = width - name_width - 2 * NUMBER_WIDTH - 4 * INDENT
    curve_width = min(WIDEST_CURVE, max(NARROWEST_CURVE, left))
    parts = (part for job in work.jobs for part in _parts(job, name_width, curve_width))
    return Group(Text(visible(work.command.sentence(newest_sign(work.jobs)))), *parts)


def _names(job: JobState) -> list[str]:
    """The losses of a job, those of its present stage first."""
    return list(dict.fromkeys([*job.losses, *(n for _, at in job.curve for n in at)]))


def _parts(job: JobState, name_width: int, curve_width: int) -> list[RenderableType]:
    parts: list[RenderableType] = [Text(""), _headline(job)]
    if _names(job):
        parts.append(_losses(job, name_width, curve_width))
    if job.message:
        parts.append(_indented(job.message))
    if job.grid is not None:
        parts.append(_indented(f"grid: {job.grid.as_posix()}"))
    return parts


def _indented(text: str) -> Padding:
    """A line that goes on below itself where it is too long, so that no part of a path is lost."""
    return Padding(Text(visible_lines(text), overflow="fold"), (0, 0, 0, INDENT), expand=False)


def _headline(job: JobState) -> Text:
    facts = [visible(job.phase)] if job.phase else []
    if job.step is not None and job.n_steps:
        share = job.step / job.n_steps
        facts.append(f"{bar(share, BAR_WIDTH)} {share:.0%} {job.step}/{job.n_steps}")
    if job.images_per_s is not None:
        facts.append(speed_text(job.images_per_s))
    if job.eta_s is not None:
        facts.append(f"ETA {about(job.eta_s)}")
    facts.append(f"{about(job.age_s)} ago")
    state = Text(job.state, style=COLOURS.get(job.state, "yellow"))
    return Text.assemble((visible(job.label), "bold"), "  ", state, "  ", "  ".join(facts))


def _losses(job: JobState, name_width: int, curve_width: int) -> Table:
    """Name, present value, curve over the whole budget, and what its edges stand for."""
    table = Table.grid(padding=(0, INDENT, 0, 0))
    table.add_column(width=0)
    table.add_column(width=name_width, no_wrap=True)
    table.add_column(width=NUMBER_WIDTH, no_wrap=True, justify="right")
    table.add_column(width=curve_width, no_wrap=True)
    table.add_column(no_wrap=True)
    x_end = float(job.n_steps or (job.curve[-1][0] if job.curve else 1))
    for name in _names(job):
        values = [(float(step), point[name]) for step, point in job.curve if name in point]
        edges = shown_range([value for _, value in values])
        value = f"{job.losses[name]:.4g}" if name in job.losses else ""
        drawn, scale = "", ""
        if edges is not None:
            drawn = "\n".join(braille(values, x_end, edges, curve_width, CURVE_HEIGHT))
            scale = f"{edges[1]:.4g}\n{edges[0]:.4g}"
        table.add_row("", *map(Text, (visible(name), value, drawn, scale)))
    return table
