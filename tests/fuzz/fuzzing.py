"""What the fuzz tests share: the command line in this process, watched, and damaged data.

Hypothesis draws every damage from a fixed seed, so a run repeats, and shrinks what it finds.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
import typer
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import bench.report
import bench.run.plan
import bench.score.extractors.inception_v3_compat
import bench.score.scorer
from bench.cli import main as cli

COMMAND = typer.main.get_command(cli.app)
"""Built once: Typer would build it anew for every example, which takes longer than most."""
WARM = (
    bench.score.extractors.inception_v3_compat,
    bench.run.plan,
    bench.report,
    bench.score.scorer,
)
"""Imported here, so that no example pays for it."""
LIMIT_S = 5.0
BUG = "this is a bug"
Loc = tuple[str | int, ...]


def fuzz(max_examples: int) -> settings:
    """Settings of every fuzz test: so many examples, the same ones each time."""
    return settings(
        max_examples=max_examples,
        derandomize=True,
        database=None,
        deadline=None,  # checked by hand, with the command's own time alone
        suppress_health_check=list(HealthCheck),
    )


class Shown(NamedTuple):
    """What a command left behind; ``wrote`` are files and folders that it opened to change."""

    code: int
    stdout: str
    stderr: str
    wrote: tuple[Path, ...]


_watched: list[tuple[str, Any]] | None = None
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink")
_NEVER = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    if _watched is None:
        return
    if (
        (event == "open" and isinstance(arguments[0], str | bytes) and arguments[2] & _WRITING)
        or event in _CHANGES
        or event in _NEVER
    ):
        path = arguments[0]
        if event in ("os.remove", "os.rmdir") and arguments[1] != -1:
            # shutil.rmtree names what it removes relative to the open folder that holds it.
            path = Path(f"/proc/self/fd/{arguments[1]}").readlink() / path
        _watched.append((event, path))


sys.addaudithook(_listen)
# Makes its own folder when it is first asked for it, whichever command happens to load it first.
mpl.get_configdir()
mpl.get_cachedir()


@contextlib.contextmanager
def _watching() -> Iterator[list[tuple[str, Any]]]:
    global _watched  # noqa: PLW0603 (a hook cannot be taken away, only told to be quiet)
    _watched = []
    try:
        yield _watched
    finally:
        _watched = None


def aigc(*arguments: str | Path) -> Shown:
    """Run ``aigc`` as a shell would, in this process; it keeps to its time and to itself."""
    usual, cli.app = (sys.argv, cli.app), COMMAND  # type: ignore[assignment]
    sys.argv = ["aigc", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    start = time.process_time()  # what others do on this machine does not count
    try:
        with _watching() as seen, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                cli.main()
                code = 0
            except SystemExit as ended:
                code = int(ended.code or 0)
    finally:
        sys.argv, cli.app = usual
    assert time.process_time() - start < LIMIT_S, arguments
    assert not [event for event, _ in seen if event in _NEVER]
    wrote = tuple(Path(os.fsdecode(path)).absolute() for _, path in seen)
    return Shown(code, out.getvalue(), err.getvalue(), wrote)


def require_manners(shown: Shown, *allowed: Path) -> None:
    """A damaged input may be refused or not, but never ends in a trace or outside its folders."""
    assert shown.code in (0, 2, 3, 4), shown
    assert "Traceback" not in shown.stderr, shown.stderr
    assert BUG not in shown.stderr, shown.stderr
    assert (shown.code == 0) or shown.stderr.strip(), shown
    cache = Path(os.environ["AIGC_CACHE_DIR"]).absolute()
    for path in shown.wrote:
        assert any(path.is_relative_to(folder) for folder in (cache, *allowed)), path


def locations(data: Any, loc: Loc = ()) -> list[Loc]:
    """The place of every value below the top."""
    items = data.items() if isinstance(data, dict) else enumerate(data)
    found: list[Loc] = []
    for key, value in items:
        found.append((*loc, key))
        if isinstance(value, dict | list):
            found += locations(value, (*loc, key))
    return found


def at(data: Any, loc: Loc) -> Any:
    """The value at a place."""
    for key in loc:
        data = data[key]
    return data


ODD_VALUES = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        7,
        10**9,
        2**63,
        10**30,
        10**400,
        -0.5,
        1e308,
        5e-324,
        "",
        "x",
        "../../outside",
        "/outside",
        "nul\0",
        "line\nbreak",
        "\u202e",
        "é" * 300,
        "1e400",
        [],
        {},
        [[]],
        {"a": 1},
        ["x", "x"],
    ]
)


@st.composite
def structural(draw: st.DrawFn, original: Any) -> tuple[str, Loc, Any]:
    """A copy of plain data with one change: what was done, where, and the result."""
    data = copy.deepcopy(original)
    loc = draw(st.sampled_from(locations(data)))
    parent, key = at(data, loc[:-1]), loc[-1]
    action = draw(st.sampled_from(ACTIONS))
    return action.__name__.strip("_"), loc, action(draw, data, parent, key)


def _drop(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    del parent[key]
    return data


def _rename(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    if isinstance(parent, dict):
        parent[f"{key}x"] = parent.pop(key)
    return data


def _add(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    if isinstance(parent, dict):
        parent["surprise"] = draw(ODD_VALUES)
    else:
        parent.append(draw(ODD_VALUES))
    return data


def _replace(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    parent[key] = draw(ODD_VALUES)
    return data


def _duplicate(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    if isinstance(parent, list):
        parent.append(copy.deepcopy(parent[key]))
    else:
        parent[key] = [copy.deepcopy(parent[key])] * 2
    return data


def _nest(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    for _ in range(draw(st.sampled_from([1, 2, 70]))):
        parent[key] = (draw(st.booleans()) and [parent[key]]) or {"a": parent[key]}
    return data


def _exchange(draw: st.DrawFn, data: Any, parent: Any, key: Any) -> Any:
    other = draw(st.sampled_from(locations(data)))
    parent[key] = copy.deepcopy(at(data, other))
    return data


ACTIONS: tuple[Callable[[st.DrawFn, Any, Any, Any], Any], ...] = (
    _drop,
    _rename,
    _add,
    _replace,
    _replace,
    _duplicate,
    _nest,
    _exchange,
)


@st.composite
def damaged_bytes(draw: st.DrawFn, original: bytes, tokens: tuple[bytes, ...] = ()) -> bytes:
    """Content with a few bytes flipped, cut, repeated or put in."""
    content = bytearray(original)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        length = draw(st.sampled_from([1, 2, 5, 40, 400]))
        action = draw(st.sampled_from(["flip", "cut", "delete", "repeat", "insert"]))
        if action == "flip" and start < len(content):
            content[start] ^= 1 << draw(st.integers(0, 7))
        elif action == "cut":
            del content[start:]
        elif action == "delete":
            del content[start : start + length]
        elif action == "repeat":
            content[start:start] = content[start : start + length]
        elif tokens:
            content[start:start] = draw(st.sampled_from(tokens))
    return bytes(content)
