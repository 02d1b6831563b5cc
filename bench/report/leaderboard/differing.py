"""In which settings the trainings of two rows differ: all of them, since each may explain a gap."""

from __future__ import annotations

import json
from typing import Any

from bench.identity.names import without_seed
from bench.identity.settings import differences
from bench.report.board.table import Descent, Row
from bench.report.words import Words
from bench.report.words.spelling import NOTHING, number_text
from catalog.escaping import md_code, md_text

OFF: tuple[object, ...] = (None, 0, False, "none", [])
"""What a setting is where it does nothing, as if the algorithm had no such setting."""
ALGORITHM, WEIGHTS, SEEN = "differs_algorithm", "differs_weights", "differs_seen"
START = "differs_start"
"""What is compared beside the settings of a recipe, under names in words."""


def differing_settings(descent: Descent, words: Words) -> str:
    """Every setting in which a row was trained otherwise than its parent's row, in Markdown.

    First what both have, the parent's value before the row's own; then what the row alone has, and
    what its parent alone has. A setting that one side lacks and the other leaves off is none.
    """
    changed: list[str] = []
    gained: list[str] = []
    lost: list[str] = []
    parent, child = _settings(descent.parent, words), _settings(descent.child, words)
    for key, (old, new) in differences(parent, child).items():
        name = words(key) if key in (ALGORITHM, START, WEIGHTS, SEEN) else md_code(key)
        if old is not None and new is not None:
            changed.append(f"{name} {_value(old)} → {_value(new)}")
        elif old in OFF and new not in OFF:
            gained.append(f"{name} {_value(new)}")
        elif new in OFF and old not in OFF:
            lost.append(f"{name} {_value(old)}")
    parts = [words.join(changed)] if changed else []
    parts += [words("differs_has", list=words.join(gained))] if gained else []
    parts += [words("differs_lacks", list=words.join(lost))] if lost else []
    return words.listed(parts) or NOTHING


def _settings(row: Row, words: Words) -> dict[str, Any]:
    """What decides the trainings of a row and where its images come from, seed and name apart."""
    spec = row.runs[0].train.spec
    seen = row.cost.images_seen
    return {
        ALGORITHM: spec.algorithm.rpartition(":")[2],
        START: None if spec.start is None else without_seed(spec.start.run_id),
        **spec.recipe,
        **spec.model_dump(mode="json", include={"steps", "precision"}),
        WEIGHTS: words(row.key.weights),
        SEEN: None if seen is None else number_text(seen),
    }


def _value(value: object) -> str:
    return md_text(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
