"""Answers to a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable


def suggestion(name: str, known: Iterable[str], limit: int = 3) -> str:
    """`` (did you mean: a, b?)`` for near misses of ``name``, or an empty string."""
    from rapidfuzz import fuzz, process, utils

    near = process.extract(
        name, list(known), scorer=fuzz.WRatio, processor=utils.default_process, limit=limit
    )
    best = [choice for choice, score, _ in near if score >= 60]
    return f" (did you mean: {', '.join(best)}?)" if best else ""
