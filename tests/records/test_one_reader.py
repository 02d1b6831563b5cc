"""Files of runs and reports come from strangers: one function reads them, in no other way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WAYS = {
    *("open", "read_bytes", "read_text", "copyfile", "copy", "copy2", "copytree", "copyfileobj"),
    *("safe_open", "load_file", "sha256_of_file", "fromfile", "memmap", "imread", "read_csv"),
    *("torch.load", "np.load", "numpy.load", "json.load", "sendfile", "link_to", "hardlink_to"),
}
ALLOWED = {
    "bench/appeal/pixels.py": {"open": "JPEG that was written into memory a line before"},
    "bench/cli/main.py": {"open": "the null device"},
    "bench/cli/verbs/stats.py": {"sha256_of_file": "what this process has just written"},
    "bench/data/decode/cached.py": {"safe_open": "the cache of decoded data sets"},
    "bench/data/decode/image_files.py": {"open": "images that a user named, with rules of its own"},
    "bench/data/decode/image_sources.py": {"open": "as above"},
    "bench/data/decode/zip_images.py": {"open": "as above"},
    "bench/data/digits.py": {"read_text": "a file of the package"},
    "bench/identity/code.py": {"read_bytes": "a file of the package"},
    "bench/identity/digest.py": {"open": "for callers that are listed here"},
    "bench/identity/local_registry.py": {"read_bytes": "the cache", "read_text": "the cache"},
    "bench/identity/sources.py": {"read_bytes": "source code of ours"},
    "bench/machine/memory.py": {"read_text": "the kernel's"},
    "bench/models/facts.py": {"read_bytes": "source code of ours"},
    "bench/outside/archives.py": {"open": "archives that a user named, with rules of their own"},
    "bench/outside/export_record.py": {"open": "a file that a user named: its header"},
    "bench/outside/samples.py": {"open": "samples that a user named: their first two bytes"},
    "bench/outside/source.py": {
        "open": "a file that a user named: its first bytes",
        "sha256_of_file": "as above, before it is parsed",
    },
    "bench/outside/statistics.py": {
        "open": "a file that a user named: its first two bytes",
        "sha256_of_file": "as above, before it is parsed",
    },
    "bench/outside/weights.py": {"torch.load": "bytes that were verified"},
    "bench/records/environment.py": {
        "read_text": "the kernel's",
        "sha256_of_file": "the lock file of the checkout",
    },
    "bench/records/picture_files.py": {"open": "bytes that were read and measured before"},
    "bench/records/run_directory.py": {"sha256_of_file": "what this process has just written"},
    "bench/report/generated/everything.py": {
        "read_bytes": "a page of ours",
        "read_text": "the READMEs",
    },
    "bench/report/leaderboard/destination.py": {"read_bytes": "a page of ours"},
    "bench/report/leaderboard/findings.py": {"read_text": "findings, a page of ours"},
    "bench/report/site/build.py": {
        "read_bytes": "files of the package and of an earlier build",
        "read_text": "files of the package",
    },
    "bench/report/site/pages.py": {"read_text": "a page of ours"},
    "bench/report/words/__init__.py": {"read_text": "a file of the package"},
    "bench/replay/verify/grids.py": {"open": "bytes that were read and measured before"},
    "bench/sample/grid.py": {"open": "a draft that is written"},
    "bench/score/extractors/base.py": {"torch.load": "bytes that were verified"},
    "bench/score/features.py": {"safe_open": "the cache of features"},
    "bench/train/checkpoint.py": {
        "open": "a draft that is written",
        "torch.load": "bytes that were verified",
    },
    "bench/watch/tensorboard.py": {"open": "bytes that were read and measured before"},
}
"""Who reads otherwise, how, and why that is no file of a run."""


def readings(file: Path) -> Iterator[tuple[str, int]]:
    """Every call in a module that may read a file, by its name, and the line where it stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        last = called.rpartition(".")[2]
        for name in {called, last} & WAYS:
            # A dictionary's copy takes nothing, and that of a record neither.
            if last != "copy" or called == "shutil.copy":
                yield name, node.lineno


def test_files_of_runs_are_read_by_one_function() -> None:
    found: dict[str, set[str]] = {}
    others = []
    for file in sorted((ROOT / "bench").rglob("*.py")):
        path = file.relative_to(ROOT).as_posix()
        for name, line in readings(file):
            found.setdefault(path, set()).add(name)
            if name not in ALLOWED.get(path, {}):
                others.append(f"{path}:{line}: {name}")
    assert not others, "read it with catalog.files.unlinked_bytes, or say above why not"
    needless = {path: set(names) - found.get(path, set()) for path, names in ALLOWED.items()}
    assert not {path: names for path, names in needless.items() if names}


def test_the_finder_finds(tmp_path: Path) -> None:
    file = tmp_path / "module.py"
    file.write_text("a.read_bytes()\nopen(b)\nImage.open(c)\nd.copy()\nshutil.copy(e, f)\n")
    assert sorted(readings(file), key=lambda one: one[1]) == [
        *(("read_bytes", 1), ("open", 2), ("open", 3), ("copy", 5))
    ]
