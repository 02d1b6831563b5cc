"""A test of the tests: what is near is near from both sides."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLOCKS = {"monotonic", "perf_counter", "process_time", "time"}
REDUCTIONS = {"item", "max", "mean", "sum"}


def one_sided(tree: ast.AST) -> list[str]:
    """Assertions ``x - y < tolerance``, which hold for every x that is too small."""
    found = []
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Assert) and isinstance(node.test, ast.Compare)):
            continue
        left = node.test.left
        while isinstance(left, ast.Call) and isinstance(left.func, ast.Attribute):
            if left.func.attr not in REDUCTIONS:
                break
            left = left.func.value
        below = isinstance(node.test.ops[0], (ast.Lt, ast.LtE)) and len(node.test.ops) == 1
        if below and isinstance(left, ast.BinOp) and isinstance(left.op, ast.Sub):
            clock = isinstance(left.left, ast.Call) and isinstance(left.left.func, ast.Attribute)
            if not (clock and left.left.func.attr in CLOCKS):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("file", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda f: f.stem)
def test_tolerances_have_two_sides(file: Path) -> None:
    assert not one_sided(ast.parse(file.read_text(encoding="utf-8")))


def test_a_one_sided_tolerance_would_be_noticed() -> None:
    wrong = ["assert x - y < 0.1", "assert (x - y).mean().item() <= 0.1"]
    fine = [
        "assert (x - y).abs().max() < 0.1",
        "assert abs(x - y) < 0.1",
        "assert 0 < x - y < 1",
        "assert x < y - 0.1",
        "assert time.monotonic() - start < 3",
    ]
    assert one_sided(ast.parse("\n".join([*wrong, *fine]))) == wrong
