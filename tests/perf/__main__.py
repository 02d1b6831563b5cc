"""Run every speed comparison and print Markdown: ``python tests/perf``, or ``make perf``."""

from __future__ import annotations

import judges
import overhead
import scoring
import training

if __name__ == "__main__":
    for part in (training, overhead, scoring, judges):
        print("\n".join(part.compare()), flush=True)
        print()
