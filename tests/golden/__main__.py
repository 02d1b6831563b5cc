"""Proves that a refactoring changes no number: digests of everything before, and once more after.

    python tests/golden take FILE.json [NAME...]
    python tests/golden compare FILE.json [NAME...]
    python tests/golden bless FILE.json

A NAME is a variant, or ``scores`` for all that is scored; without any, everything is computed.
``compare`` prints each difference and exits with 1 if there is one, with 2 if the file was made
on another machine. ``bless`` compares everything and, if nothing differs, writes the digests of
the present code beside the recorded ones, so that committed records stay current. To take digests
of another checkout, put it first on PYTHONPATH. Takes about two minutes on one core;
``--processes 2`` uses two.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

from golden_commands import compare, compare_and_bless, take, tasks

import bench
from catalog.files import CACHE_VARIABLE


def main() -> int:
    """Do what the command line says, with an empty cache: remembered features prove nothing."""
    parser = argparse.ArgumentParser(prog="python tests/golden", description=__doc__)
    parser.add_argument("command", choices=("take", "compare", "bless"))
    parser.add_argument("file", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    cache = os.environ[CACHE_VARIABLE] = tempfile.mkdtemp(prefix="aigc-golden-")
    try:
        sys.stderr.write(f"code: {Path(bench.__file__).parent}\n")
        chosen = tasks(arguments.names)
        if arguments.command == "take":
            return take(arguments.file, chosen, arguments.processes)
        if arguments.command == "bless":
            if arguments.names:
                parser.error("bless needs every number: name no variant")
            return compare_and_bless(arguments.file, chosen, arguments.processes)
        return compare(arguments.file, arguments.names, chosen, arguments.processes)
    finally:
        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
