"""Strings of a stranger who wants to be read as something else than text, and where they stand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

PLAIN = ("shape [/x] is wrong", "[a, b]")
"""Ordinary text that markup would swallow."""
PIECES = (
    *PLAIN,
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg/onload=window.hit=1>",
    "</title></textarea><script>window.hit=1</script>",
    '" onmouseover="window.hit=1" x="',
    "' onfocus='window.hit=1' autofocus='",
    "[click](javascript:window.hit=1)",
    "![x](https://example.org/beacon.png)",
    '![x](x.png"onerror="window.hit=1)',
    "<javascript:window.hit=1>",
    "[dcgan]",
    "[dcgan]: javascript:window.hit=1",
    "]]>--><b>bold",
    "&lt;script&gt; &#60;b&#62;",
    "{{ 7 * 7 }} {% raw %} {0} {name}",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;https://example.org\x07link\x1b]8;;\x07",
    "\x9b2J \x85 \x7f \x08\x08\x08",
    "\u202eabc\u2066 \u2028 \u200b",
    "`code` ``` ~~~ $x$ **b** __init__ _i_ ~~s~~",
    "a | b \\| c \\",
    '=HYPERLINK("https://example.org")',
    "+1+cmd|' /C calc'!A0",
    "@SUM(1)",
    "-2+3",
    "a\tb\r\nc\n# heading\n- item\n> quote",
    "[bold]rich[/bold] [link=file:///etc/passwd]x[/link] :smile:",
    "# heading",
    "1. item",
    "---",
    "<details><summary>x",
    "<!-- hidden",
)
FORMS = (("", ""), ("x ", ""), ("", " y"), ("中", "文"), ("[", "](x)"), (" \n", "\n"))
HOSTILE = tuple(f"{before}{piece}{after}" for piece in PIECES for before, after in FORMS)


def unescaped(text: str) -> list[str]:
    """Control characters of a text, line breaks and tabs aside, and those that turn text round."""
    return sorted({c for c in text if not (c.isprintable() or c in "\n\t\u3000\u00a0")})


def poisoned(file: Path, parse: Callable[[str], Any], strings: Sequence[str]) -> int:
    """Put hostile strings into each text of a record that may be any text; how many those are."""
    data = json.loads(file.read_text(encoding="utf-8"))
    feed, n = cycle(strings), 0
    for holder, key in list(_texts(data)):
        before = holder[key]
        holder[key] = next(feed)
        try:
            parse(json.dumps(data))
            n += 1
        except ValueError:
            holder[key] = before
    file.write_text(json.dumps(data), encoding="utf-8")
    return n


def _texts(node: Any) -> Iterator[tuple[Any, Any]]:
    """Places of all texts below a node of JSON."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        if isinstance(value, str):
            yield node, key
        elif isinstance(value, dict | list):
            yield from _texts(value)
