"""Keys in and frames out: the only part of the browser that touches a terminal."""

from __future__ import annotations

import codecs
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from catalog.browse.browser import Browser
from catalog.errors import MissingPrerequisite

_SEQUENCES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left",
    "\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right", "\x1bOD": "left",
    "\x1b[5~": "page-up", "\x1b[6~": "page-down", "\x1b": "escape", "\r": "enter", "\n": "enter",
    "\t": "tab", "\x7f": "backspace", "\x08": "backspace", "\x03": "quit", "\x04": "quit",
}  # fmt: skip
_KEY = re.compile(f"{'|'.join(map(re.escape, sorted(_SEQUENCES, reverse=True)))}|.", re.DOTALL)
"""One key; a sequence stands before those that it starts with, such as the lone escape."""


def keys_in(text: str) -> Iterator[str]:
    """Names of the keys in what a terminal sent; escape sequences win over lone escapes."""
    for sent in _KEY.findall(text):
        yield _SEQUENCES.get(sent, sent)


def run(browser: Browser) -> None:
    """Browse until the reader leaves.

    Raises:
        MissingPrerequisite: there is no terminal to browse on.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise MissingPrerequisite(
            "browsing needs a terminal, and this is a pipe or a file",
            hint="use 'aigc catalog list', 'search' or 'show' here",
        )
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    console = Console()
    read = codecs.getincrementaldecoder("utf-8")(errors="ignore").decode
    with (
        _raw_keys(sys.stdin.fileno()),
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        while not browser.done:
            lines = browser.frame(console.width, console.height)
            live.update(Text("\n".join(lines), no_wrap=True), refresh=True)
            for key in keys_in(read(os.read(sys.stdin.fileno(), 1024))):
                browser = browser.press(key)


@contextmanager
def _raw_keys(descriptor: int) -> Iterator[None]:
    """Single keys without echo, restored however the block ends."""
    try:
        import termios
        import tty
    except ImportError:
        raise MissingPrerequisite(
            "browsing reads keys through termios, which this system lacks",
            hint="use 'aigc catalog list', 'search' or 'show' instead",
        ) from None
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor, termios.TCSANOW)
        # Ctrl-C is a key like any other here, so that the screen is always restored.
        mode = termios.tcgetattr(descriptor)
        mode[3] &= ~termios.ISIG
        termios.tcsetattr(descriptor, termios.TCSANOW, mode)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
