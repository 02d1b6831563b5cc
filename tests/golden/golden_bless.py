"""Today's digests of code beside the recorded ones: written only if every number is the same."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from bench.identity.code import SAME_CODE, CodeKind, code_of_scoring, code_of_spec
from bench.records.record import CalibrationSubject, parse_score_record, parse_train_record

REPORTS = Path(__file__).resolve().parents[2] / "reports"
Table = dict[CodeKind, dict[str, list[str]]]


def present_codes() -> Table:
    """The digests that present code has for the committed records, by kind."""
    found: dict[CodeKind, set[str]] = {"training": set(), "scoring": set()}
    for kind, _, present in (*_trainings(), *_scores()):
        found[kind].add(present)
    return {kind: {code: [code] for code in sorted(codes)} for kind, codes in found.items()}


def blessed(table: Table, compared: Table) -> Table:
    """The table as it is to be: the digests of present code for all committed records.

    Records whose code is unknown, neither in the table nor that which was compared, stay unknown:
    they were stale before, and no comparison of numbers speaks for them.

    Args:
        table: as it is.
        compared: digests of the code whose numbers the present ones equal.
    """
    known = {
        kind: {*same, *(code for codes in same.values() for code in codes), *compared[kind]}
        for kind, same in table.items()
    }
    found: dict[CodeKind, dict[str, set[str]]] = {kind: defaultdict(set) for kind in table}
    for kind, recorded, present in (*_trainings(), *_scores()):
        if recorded in known[kind] or recorded == present:
            found[kind][recorded].add(present)
    return {
        kind: {recorded: sorted(codes) for recorded, codes in sorted(same.items())}
        for kind, same in found.items()
    }


def bless(compared: Table) -> int:
    """Write the table anew; returns how many of its entries changed."""
    before: Table = json.loads(SAME_CODE.read_bytes())
    after = blessed(before, compared)
    SAME_CODE.write_text(json.dumps(after, indent=1) + "\n", encoding="utf-8")
    return sum(
        before[kind].get(recorded) != codes
        for kind, same in after.items()
        for recorded, codes in same.items()
    )


def _trainings() -> Iterator[tuple[CodeKind, str, str]]:
    for file in _files("*/records/*/train.json"):
        record = parse_train_record(file.read_bytes())
        yield "training", record.provenance.code, code_of_spec(record.spec)


def _scores() -> Iterator[tuple[CodeKind, str, str]]:
    for file in (*_files("*/records/*/scores/*.json"), *_files("*/records/calibration/*.json")):
        record = parse_score_record(file.read_bytes())
        subject = record.subject
        made = subject.name if isinstance(subject, CalibrationSubject) else None
        present = code_of_scoring(record.protocol.extractor, made)
        yield "scoring", record.provenance.code, present


def _files(pattern: str) -> list[Path]:
    return sorted(REPORTS.glob(pattern))
