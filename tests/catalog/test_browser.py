"""The browser as a value, the keys it is sent, and what happens without a terminal."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from rich.cells import cell_len
from typer.testing import CliRunner

from catalog.browse.browser import Browser
from catalog.browse.terminal import keys_in
from catalog.cli import app
from catalog.errors import MissingPrerequisite
from catalog.read.loader import load_registry


@pytest.fixture(scope="module")
def start() -> Browser:
    return Browser(load_registry(), ranks={})


def press(browser: Browser, *keys: str) -> Browser:
    for key in keys:
        browser = browser.press(key)
    return browser


def test_typing_searches_at_once(start: Browser) -> None:
    typed = press(start, *"变分")
    assert typed.found()[0].id == "vae"
    assert press(typed, "backspace", "backspace").found() == start.found()


def test_arrows_stay_inside_the_list(start: Browser) -> None:
    assert press(start, "up").selected == 0
    last = len(start.found()) - 1
    assert press(start, *["page-down"] * 100).selected == last
    assert press(start, "down", "down", "up").selected == 1


def test_a_new_search_starts_at_the_top(start: Browser) -> None:
    assert press(start, "down", "down", "g").selected == 0


def test_enter_opens_and_escape_goes_back_then_clears_then_leaves(start: Browser) -> None:
    opened = press(start, *"dall-e", "enter")
    assert opened.opened
    assert any("E-01" in line for line in opened.frame(80, 40))
    back = press(opened, "escape")
    assert not back.opened
    assert press(back, "escape").query == ""
    assert press(back, "escape", "escape").done


def test_nothing_found_cannot_be_opened(start: Browser) -> None:
    nothing = press(start, *"zzqqxx")
    assert "nothing found" in nothing.frame(60, 10)
    assert not press(nothing, "enter").opened
    assert press(nothing, "down").selected == 0


def test_kinds_rotate_both_ways(start: Browser) -> None:
    right = press(start, "right")
    assert right.kind == "document"
    assert {resource.kind for resource in right.found()} == {"document"}
    assert press(right, "left").kind is None
    assert press(start, "left").kind == "faq"


def test_tab_changes_the_language(start: Browser) -> None:
    chinese = press(start, *"wavenet", "tab")
    assert chinese.language == "zh"
    assert any("原始音频的生成模型" in line for line in chinese.frame(100, 20))
    assert press(chinese, "tab").language == "en"


def test_pages_scroll_and_stop(start: Browser) -> None:
    opened = press(start, *"dall-e", "enter", "down", "page-down")
    assert opened.scroll == 11
    assert press(opened, *["up"] * 20).scroll == 0
    far = replace(opened, scroll=10_000).frame(60, 20)
    assert any(line.strip() for line in far[2:-2])


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 10), (20, 5), (200, 60)])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_frames_fit_the_screen(start: Browser, width: int, height: int, language: str) -> None:
    for browser in (start, press(start, *"vae"), press(start, *"dall-e", "enter")):
        lines = replace(browser, language=language).frame(width, height)
        assert len(lines) <= height
        assert all(cell_len(line) <= width for line in lines)


def test_control_keys_end_it_everywhere(start: Browser) -> None:
    assert press(start, "quit").done
    assert press(start, "enter", "quit").done
    assert press(start, "\x00", "\x1f").query == ""


def test_bytes_become_keys() -> None:
    sent = "a变\x1b[A\x1b[6~\x7f\r\t\x03\x1b"
    assert list(keys_in(sent)) == [
        "a", "变", "up", "page-down", "backspace", "enter", "tab", "quit", "escape",
    ]  # fmt: skip


def test_a_real_terminal_is_read_painted_and_restored() -> None:
    pty = pytest.importorskip("pty")
    ours, theirs = pty.openpty()
    code = "from catalog.cli import app; app(['browse', '--lang', 'en'])"
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "20"}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=theirs, stdout=theirs, env=environment, close_fds=True
    ) as child:
        os.close(theirs)
        shown = _read_until(ours, "all kinds")
        os.write(ours, "变分".encode())
        shown += _read_until(ours, "> 变分")
        os.write(ours, b"\x03")
        shown += _read_until(ours, "\x1b[?1049l")
        assert child.wait(timeout=10) == 0
    os.close(ours)
    assert "Variational autoencoder" in shown


def _read_until(descriptor: int, wanted: str) -> str:
    shown, deadline = "", time.monotonic() + 20
    while wanted not in shown and time.monotonic() < deadline:
        if select.select([descriptor], [], [], 0.2)[0]:
            shown += os.read(descriptor, 65536).decode(errors="replace")
    assert wanted in shown
    return shown


def test_a_pipe_gets_a_clear_message() -> None:
    done = CliRunner().invoke(app, ["browse"])
    assert isinstance(done.exception, MissingPrerequisite)
    assert "terminal" in done.exception.what
