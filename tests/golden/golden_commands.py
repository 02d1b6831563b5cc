"""What the tool does: compute, write, compare, bless."""

from __future__ import annotations

import json
import multiprocessing
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from golden_bless import bless, present_codes
from golden_digest import NEW, Parts, differences, machine, other_machine
from golden_scores import score_names
from golden_tasks import COMPUTED, ERROR, Task, computed, one_thread
from golden_variants import registry

from bench.identity.code import SAME_CODE

SCORES, CODES = "scores", "codes"


def tasks(names: list[str]) -> list[Task]:
    """What is computed for some names."""
    variants = [variant.id for variant in registry().variants if variant.start_from is None]
    unknown = sorted(set(names) - {SCORES, *variants})
    if unknown:
        raise SystemExit(f"unknown: {', '.join(unknown)}")
    scores = score_names() if not names or SCORES in names else []
    chosen = [name for name in variants if not names or name in names]
    return [("scores", name) for name in scores] + [("variants", name) for name in chosen]


def compute(chosen: list[Task], n_processes: int) -> dict[str, Any]:
    """Everything that a file holds."""
    results: dict[str, Any] = {"variants": {}, "scores": {}, "machine": machine()}
    start = time.perf_counter()
    for done, ((section, name), parts) in enumerate(_in_processes(chosen, n_processes), 1):
        results[section][name] = parts
        elapsed = time.perf_counter() - start
        sys.stderr.write(f"{done}/{len(chosen)} {section} {name} ({elapsed:.0f} s)\n")
    for section in COMPUTED:
        results[section] = dict(sorted(results[section].items()))
    return results


def _in_processes(chosen: list[Task], n_processes: int) -> Iterator[tuple[Task, Parts]]:
    if n_processes == 1:
        one_thread()
        yield from map(computed, chosen)
        return
    with multiprocessing.get_context("spawn").Pool(n_processes, one_thread) as pool:
        yield from pool.imap_unordered(computed, chosen)


def take(file: Path, chosen: list[Task], n_processes: int) -> int:
    """Compute and write; 1 if something could not be computed."""
    results = compute(chosen, n_processes) | {CODES: present_codes()}
    file.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    return 1 if any(ERROR in results[section][name] for section, name in chosen) else 0


def compare(file: Path, names: list[str], chosen: list[Task], n_processes: int) -> int:
    """Compute and print each difference from a file; 1 if there is one, 2 on another machine.

    What the file does not know is told, and is no difference: it cannot have changed.
    """
    recorded = json.loads(file.read_text())
    refusal = other_machine(recorded["machine"], machine())
    if refusal is not None:
        sys.stderr.write(f"{refusal}\n")
        return 2
    only = [name for _, name in chosen] if names else []
    found = differences(recorded, compute(chosen, n_processes), only)
    changed = [line for line in found if not line.endswith(NEW)]
    sys.stdout.write("".join(f"{line}\n" for line in found))
    n_new = len(found) - len(changed)
    sys.stderr.write(f"{len(changed)} differences in {len(chosen)} comparisons, {n_new} new\n")
    return 1 if changed else 0


def compare_and_bless(file: Path, chosen: list[Task], n_processes: int) -> int:
    """As ``compare``; where nothing differs, the present code is written down as the same."""
    code = compare(file, [], chosen, n_processes)
    if code == 0:
        compared = json.loads(file.read_text())[CODES]
        sys.stderr.write(f"{bless(compared)} entries of {SAME_CODE.name} changed\n")
    return code
