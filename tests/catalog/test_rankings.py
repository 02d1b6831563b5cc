"""Ranks from reports beside the registry, which may be of any age and in any state."""

from __future__ import annotations

from pathlib import Path

import pytest

from catalog.browse.rankings import best_ranks

GOOD = "variant,rank_low,rank_high,mean,metric,provisional\nvae,2,3,12.5,FD,false\n"


def report(folder: Path, name: str, content: bytes) -> Path:
    file = folder / "reports" / name / "results.csv"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    return folder / "registry.yaml"


@pytest.mark.parametrize(
    "damaged",
    [
        b"\xff\xfe\x00",
        b"variant,rank_low,rank_high,mean\nvae,inf,1e999,nan\n",
        b"variant,rank_low,rank_high,mean\nvae\n",
        b"variant,rank_low,rank_high,mean\nvae,1,1,many,more,cells\n",
        b"\0\0\0",
        b'"' * 200_000 + b"\n",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_a_damaged_report_hides_no_other(tmp_path: Path, damaged: bytes) -> None:
    report(tmp_path, "damaged", damaged)
    registry = report(tmp_path, "good", GOOD.encode())
    assert best_ranks(registry)["vae"].shown() == "rank 2-3 of suite good (FD 12.5)"


def test_the_longest_table_of_several_seeds_gives_the_rank(tmp_path: Path) -> None:
    report(tmp_path, "first", GOOD.replace("2,3,", "1,1,").encode())
    report(tmp_path, "quick", f"{GOOD.replace('false', 'true')}ae,1,1,9,FD,true\n".encode())
    registry = report(tmp_path, "whole", f"{GOOD}ae,1,1,9.0,FD,false\n".encode())
    ranks = best_ranks(registry)
    assert ranks["vae"].shown() == "rank 2-3 of suite whole (FD 12.5)"
    assert ranks["ae"].suite == "whole"
