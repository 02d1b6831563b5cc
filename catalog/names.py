"""Answers to a name that does not exist."""

from __future__ import annotations

from collections.abc import Iterable

from catalog.errors import UsageError


def suggestion(name: str, known: Iterable[str], limit: int = 3) -> str:
    """`` (did you mean: a, b?)`` for near misses of ``name``, or an empty string."""
    from rapidfuzz import fuzz, process, utils

    near = process.extract(
        name, list(known), scorer=fuzz.WRatio, processor=utils.default_process, limit=limit
    )
    best = [choice for choice, score, _ in near if score >= 60]
    return f" (did you mean: {', '.join(best)}?)" if best else ""


def require_known(what: str, name: str | None, known: Iterable[str]) -> None:
    """Refuse the value of an option that is neither None nor one of ``known``.

    Raises:
        UsageError: with near misses and the whole list.
    """
    words = list(known)
    if name is not None and name not in words:
        raise UsageError(
            f"no {what} is called '{name}'{suggestion(name, words)}",
            hint=f"choose one of: {', '.join(words)}",
        )
