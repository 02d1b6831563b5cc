"""How pages spell a row of a leaderboard: its name, its seeds, and where it stands."""

from __future__ import annotations

from bench.report.board.table import Row
from bench.report.words import Words
from bench.report.words.spelling import NOTHING, estimate_text, rank_text


def sampler_text(row: Row, words: Words) -> str:
    """How a row was sampled, and from which weights where there are two kinds."""
    if not row.has_average:
        return row.key.sampler
    return words("weights_of", sampler=row.key.sampler, weights=words(row.key.weights))


def row_name(row: Row, words: Words) -> str:
    """A row in a sentence of Markdown: ```vae` (gmm-10)``."""
    sampler = sampler_text(row, words)
    return words("row", name=row.key.name, sampler=sampler) if sampler else f"`{row.key.name}`"


def plain_name(row: Row, words: Words) -> str:
    """A row in plain text: ``vae (gmm-10)``."""
    return row_name(row, words).replace("`", "")


def row_id(row: Row) -> str:
    """Name of a row as the end of an address: ``row-vae-gmm-10-raw``."""
    return "-".join(["row", *filter(None, (row.key.name, row.key.sampler, row.key.weights))])


def seeds_text(row: Row, words: Words) -> str:
    """How many of the planned trainings there are, and whether that is one."""
    n = len(row.runs)
    seeds = str(n) if n == row.n_planned else words("seeds_of", n=n, planned=row.n_planned)
    return words("provisional", seeds=seeds) if row.provisional else seeds


def place_text(row: Row, words: Words) -> str:
    """Its rank range, a dash without one, that it misses a gate, or that it was loaded."""
    if row.kind == "loaded":
        return words("loaded_place")
    return words("gate_missed") if row.short else rank_text(row.rank)


def distance_text(row: Row, words: Words) -> str:
    """The ranking distance with its interval, or that the row failed."""
    return estimate_text(row.estimate("fid"), interval=True) if row.scores else words("failed")


def versus_text(row: Row, words: Words) -> str:
    """How it stands to the PCA-Gaussian, or a dash."""
    return words(row.baseline.verdict) if row.baseline else NOTHING
