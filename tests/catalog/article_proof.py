"""Proof that quotes stand in the article, without shipping the article.

``article_lines.json`` holds for every line that has text its sha256 and length, and for every
quote of the registry its sha256, length and offset in that line. With the article at hand, the file
is made again by:  AIGC_ARTICLE=article.md python tests/catalog/article_proof.py
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from catalog.read.loader import load_registry
from catalog.schema import Registry

PROOF = Path(__file__).parent / "article_lines.json"
VARIABLE = "AIGC_ARTICLE"
_TITLE = "# AIGC从入门到实战"
_TITLE_LINE = 2


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def quotes(registry: Registry) -> Iterator[tuple[int, str, str]]:
    """Line, quote, and who quotes it."""
    for resource in registry.resources:
        for mention in resource.article:
            yield mention.line, mention.quote, f"{resource.id} {mention.item}"
    for erratum in registry.errata:
        yield erratum.lines[0], erratum.claim_zh, erratum.id
    for claim in registry.claims:
        yield claim.line, claim.claim_zh, claim.id


def article_lines(path: Path) -> dict[int, str]:
    """Text by line number, whatever stands before the title in this copy."""
    lines = path.read_text(encoding="utf-8").splitlines()
    shift = _TITLE_LINE - next(at for at, line in enumerate(lines) if line.startswith(_TITLE))
    return {at + shift: line.strip() for at, line in enumerate(lines) if at + shift > 0}


def build(registry: Registry, lines: dict[int, str]) -> dict[str, Any]:
    """What the proof file should hold; ValueError for a quote that is not on its line."""
    proof: dict[str, Any] = {
        str(number): {"sha256": sha256(text), "length": len(text), "quotes": {}}
        for number, text in lines.items()
        if text
    }
    for number, quote, owner in quotes(registry):
        offset = lines[number].find(quote)
        if offset < 0:
            message = f"{owner}: line {number} does not say {quote!r}"
            raise ValueError(message)
        proof[str(number)]["quotes"][sha256(quote)] = [offset, len(quote)]
    return proof


def main() -> None:
    proof = build(load_registry(), article_lines(Path(os.environ[VARIABLE])))
    rows = [f'"{number}": {json.dumps(row, sort_keys=True)}' for number, row in proof.items()]
    PROOF.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
    sys.stdout.write(f"{PROOF}\n")


if __name__ == "__main__":
    main()
