"""Every file is written through ``catalog.files.atomic_file``: a draft, synced, then renamed.

``tests/records/test_disk_full.py`` shows what that is good for; this keeps other ways out.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from helpers import CLONE

THE_WAY = CLONE / "catalog" / "files.py"
SOURCES = [
    file
    for package in ("bench", "catalog")
    for file in sorted((CLONE / package).rglob("*.py"))
    if file != THE_WAY
]
OURS = {"", "trained", "trained_model"}
"""Modules whose ``save`` writes in the one way."""
INTO_MEMORY_OR_SCRATCH = {
    ("bench/appeal/pixels.py", "save"),  # JPEG into a buffer, to be read again
    ("bench/outside/export_graph.py", "save"),  # into a buffer
    ("bench/outside/statistics.py", "savez"),  # the same
    ("bench/outside/torch_export.py", "save"),  # the same
    ("bench/replay/pictures/draw.py", "save"),  # the same
    ("bench/replay/verify/artifacts.py", "write_bytes"),  # the scratch folder of a verification
    ("bench/replay/verify/task.py", "write_bytes"),  # the same
    ("bench/report/leaderboard/wall.py", "save"),  # into a buffer, whose size decides what is next
    ("bench/score/extractors/inception_v3_compat.py", "save"),  # a temporary file, read at once
    ("bench/score/extractors/torch_fidelity_networks.py", "save"),  # the same
    ("bench/train/checkpoint.py", "save"),  # into a buffer, whose digest comes first
}


def writes(tree: ast.AST) -> Iterator[str]:
    """Calls that write files outside of a block that ``atomic_file`` guards."""
    waiting: list[tuple[ast.AST, bool]] = [(tree, False)]
    while waiting:
        node, guarded = waiting.pop()
        if isinstance(node, ast.With):
            guarded = guarded or any(
                isinstance(item.context_expr, ast.Call)
                and ast.unparse(item.context_expr.func) == "atomic_file"
                for item in node.items
            )
        if isinstance(node, ast.Call) and not guarded and is_write(node):
            yield ast.unparse(node.func).rpartition(".")[2]
        waiting += [(child, guarded) for child in ast.iter_child_nodes(node)]


def is_write(call: ast.Call) -> bool:
    name = ast.unparse(call.func).rpartition(".")[2]
    owner = ast.unparse(call.func).rpartition(".")[0]
    if name == "save" and owner in OURS:
        return False
    if name in {"write_text", "write_bytes", "save", "savez", "tofile", "to_csv", "copyfile"}:
        # Without a path, ``to_csv`` returns text.
        return name != "to_csv" or bool(call.args)
    if name != "open":
        return False
    modes = [a.value for a in (*call.args, *(k.value for k in call.keywords)) if is_text(a)]
    return any(set(mode) <= set("rwaxbt+") and set(mode) & set("wax+") for mode in modes)


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def test_files_are_written_in_one_way() -> None:
    found = {
        (file.relative_to(CLONE).as_posix(), call)
        for file in SOURCES
        for call in writes(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert found == INTO_MEMORY_OR_SCRATCH


@pytest.mark.parametrize(
    ("code", "n"),
    [
        ("path.write_text('x')", 1),
        ("with path.open('w') as file: pass", 1),
        ("open(name, mode='ab')", 1),
        ("path.open('rb')", 0),
        ("path.open(encoding='utf-8')", 0),
        ("frame.to_csv(path)", 1),
        ("frame.to_csv(index=False)", 0),
        ("with atomic_file(path) as draft:\n    draft.write_bytes(b'')", 0),
        ("with atomic_file(path) as d, d.open('wb') as file:\n    np.save(file, x)", 0),
        ("with other(path) as draft:\n    image.save(draft)", 1),
    ],
)
def test_the_rule_can_be_broken(code: str, n: int) -> None:
    assert len(list(writes(ast.parse(code)))) == n
