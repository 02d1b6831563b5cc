"""Strings of a stranger who wants to be read as something else than text, and where they stand.

They are made in families: what to run times where to break out of and how to spell it, schemes
times the forms of a link, marks of Markdown times places in a page, every control character, every
character that turns text round, formulas times the signs that start one. Beside a string's own
look, ``window.hit`` says that a browser ran it and ``example.org`` that it was asked for something.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from html import escape
from html.parser import HTMLParser
from itertools import cycle, product
from pathlib import Path
from typing import Any
from urllib.parse import quote

from catalog.rules.entries import SECTIONS
from catalog.schema import Registry

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
"""One string of each kind, for outputs that are slow to make."""

_FORMS = (("", ""), ("x ", ""), ("", " y"), ("中", "文"), ("[", "](x)"), (" \n", "\n"))
_RUN = "window.hit=1"
_SITE = "https://example.org/x"

_ELEMENTS = (
    f"<script>{_RUN}</script>",
    f"<script src={_SITE}.js></script>",
    f"<img src=x onerror={_RUN}>",
    f"<svg onload={_RUN}>",
    f"<svg><script>{_RUN}</script></svg>",
    f"<svg><animate onbegin={_RUN} attributeName=x dur=1s>",
    f"<svg><a xlink:href=javascript:{_RUN}><text>x</text></a></svg>",
    f"<svg><use href=data:image/svg+xml,{quote(f'<svg onload={_RUN}>')}></svg>",
    f"<math><mtext><script>{_RUN}</script>",
    f"<iframe srcdoc='<script>parent.{_RUN[7:]}</script>'></iframe>",
    f"<iframe src=javascript:parent.{_RUN[7:]}></iframe>",
    f"<object data=javascript:{_RUN}></object>",
    f"<embed src=javascript:{_RUN}>",
    f"<a href=javascript:{_RUN}>x</a>",
    f"<form action=javascript:{_RUN}><button>x</button></form>",
    f"<base href={_SITE}>",
    f"<meta http-equiv=refresh content='0;url={_SITE}'>",
    f"<link rel=stylesheet href={_SITE}.css>",
    f"<style>@import '{_SITE}.css'; *{{display:none}}</style>",
    f"<body onload={_RUN}>",
    f"<input autofocus onfocus={_RUN}>",
    f"<details open ontoggle={_RUN}>",
    f"<video><source onerror={_RUN}></video>",
    f"<noscript><p title='</noscript><img src=x onerror={_RUN}>'>",
    f"<template><script>{_RUN}</script></template>",
    "<plaintext>",
)
_BREAKOUTS = (
    '">', "'>", "-->", "]]>", "</title>", "</textarea>", "</style>", "</script>", "</svg>",
    "</td></tr></table>", "</noscript>", "*/", "`", "\n\n", "\\", "&quot;&gt;",
)  # fmt: skip
_ENCODINGS: tuple[Callable[[str], str], ...] = (
    str,
    str.upper,
    escape,
    lambda text: escape(escape(text)),
    quote,
    lambda text: "".join(f"&#{ord(one)};" for one in text),
    lambda text: "".join(f"&#x{ord(one):x}" for one in text),
    lambda text: text.replace("<", "\\x3c").replace(">", "\\u003e"),
    lambda text: text.replace("<", "+ADw-").replace(">", "+AD4-"),
    lambda text: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text),
    lambda text: text.replace("<", "<\x00"),
    lambda text: text.replace("s", "s\n", 1),
    lambda text: text.replace("<", "<\u200b"),
)
_EVENTS = (
    "onmouseover", "onfocus", "onerror", "onload", "onclick", "onanimationstart", "onpointerenter",
    "ontoggle", "onbeforematch", "onscrollsnapchange", "style", "href", "srcdoc", "formaction",
)  # fmt: skip
_ADDRESSES = (
    f"javascript:{_RUN}", f"JaVaScRiPt:{_RUN}", f"java\tscript:{_RUN}", f"java\nscript:{_RUN}",
    f"\x01javascript:{_RUN}", f" javascript:{_RUN}", f"javascript&colon;{_RUN}",
    f"&#106;avascript:{_RUN}", f"javascript://example.org/%0a{_RUN}", f"javascript\\:{_RUN}",
    f"%6aavascript:{_RUN}", "vbscript:msgbox(1)", "data:text/html,<script>parent.hit=1</script>",
    "data:image/svg+xml;base64,PHN2Zy8+", "file:///etc/passwd", "blob:x", "ftp://example.org",
    "view-source:x", "ssh://-oProxyCommand=x", "//example.org/x", "\\\\example.org\\x",
    "/\\example.org", _SITE, "https:example.org", "mailto:a@example.org?bcc=b", "#dcgan", "?x",
)  # fmt: skip
_LINKS = (
    "{}", "[a]({})", "![a]({})", "<{}>", "[a]: {}", "[a]: <{}>\n\n[a]", "[a](<{}>)",
    '[a]({} "t")', "[![a]({})](x)", "| [a]({}) |", '<a href="{}">a</a>', "www.{}", "[^1]: {}",
)  # fmt: skip
_MARKS = (
    "# h", "###### h", "h\n===", "h\n---", "- i", "* i", "+ i", "1. i", "1) i", "0. i", "> q",
    "```", "```html\n<b>", "~~~", "``x", "`<b>`", "    code", "\tcode", "***", "___", "- - -",
    "| a | b |\n|---|---|\n| c | d |", "|", "\\|", "a\\", "a  \nb", "<b>", "</div>", "<br>",
    "<!-- c", "<?php", "<!DOCTYPE html>", "<![CDATA[x", "&amp;", "&nbsp;", "&#0;", "&#x1b;",
    "*e*", "**s**", "_e_", "__s__", "***x***", "~~d~~", "~d~", "$x$", "$$x$$", "$`x`$", "[x]",
    "[x][y]", "[x][]", "![x]", "![x][dcgan]", "[ ] todo", "- [x] done", "[^1]", "[[wiki]]",
    "@someone", "#12", ":smile:", "<https://example.org>", "https://example.org", "a@example.org",
    ":::note", "> [!WARNING]", "{{< x >}}", "{% raw %}", "{#id}", "--- \nx: 1\n---", "\\# h",
    "\\<b>", "\\[x](y)", "\\\\[x](y)", "\\`x`", "*a _b* c_", "[a](b 'c", "[a](b(c)", "<a b='",
)  # fmt: skip
_PLACES = (*_FORMS, ("> ", ""), ("- ", ""), ("\\", ""))
_SEQUENCES = (
    "[2J", "[31m", "[0;1;4;5;7m", "[?1049h", "[?25l", "[10;10H", "[1000A", "[6n", "[c", "[20t",
    "[>0q", "[?2004h", "[201~", "c", "7", "8", "(0", "#8", "M", "=", "]0;title\x07",
    "]2;title\x1b\\",
    "]4;1;red\x07", "]8;;https://example.org\x1b\\x", "]9;x\x07", "]10;?\x07", "]52;c;YQ==\x07",
    "]1337;File=:YQ==\x07", "]777;notify;a;b\x07", "P+q544e\x1b\\", "P$qm\x1b\\",
    "_Gf=100;AA\x1b\\",
    "^x\x1b\\", "Xx\x1b\\", "N", "O", "Z", "\\", "%G", "[", "]", "P", "",
)  # fmt: skip
_RICH = (
    "[bold]x[/bold]", "[/]", "[/bold]", "[red on blue]x", "[link=file:///etc/passwd]x[/link]",
    "[@click=app.quit]x[/]", "[blink]x", "\\[x]", "\\\\[bold]x", "[[x]]", "[", "]", "[#ff0000]x",
    "[not a style!]x[/not a style!]", ":smile:", ":bomb: [/x]", "[on]x", "[x=y]", "[conceal]x",
    "[reverse]", "{x}", "{0.__class__}", "%s %n", "%(x)s", "${x}", "#{x}", "{{x}}", "{%x%}",
    "<%= x %>", "$(touch x)", "`touch x`", "; touch x", "&& touch x", "| touch x", "> x", "--help",
    "-rf", "~root", "*", "!!", "%PATH%", "../../etc/passwd", "..\\..\\x", "CON", "C:\\x", "a/b",
    "\\input{x}", "\\write18{x}", "$\\href{javascript:x}{y}$", "{\\tt x}", "}}, @book{x,", "%",
    "~", "^^M", "\\", "\"]; click A href \"javascript:window.hit=1\"", "A --> B", "%%{init: {}}%%",
    "]]\nend", "#quot;", "#lt;script#gt;", "<!ENTITY x SYSTEM 'file:///etc/passwd'>", "&x;",
    "<?xml-stylesheet href='x'?>", "<![CDATA[<b>]]>", "url(javascript:x)", "expression(x)",
    "x;background:url(https://example.org)", "*/{}", "@import 'https://example.org'", "</style",
    '"}', '", "x": "', "\\u0000", "\\", '\\"', "null", "NaN", "-Infinity", "true", "1e999", "[]",
    "{}", "__proto__", "constructor", "a,b", 'a"b', 'a""b', "a;b", "a\tb", "a\r\nb", "'", "''",
)  # fmt: skip
_STARTS = (
    "=", "+", "-", "@", "\t=", "\r=", "\n=", " =", "＝", "＋", "－", "＠", "\u200b=", "\ufeff=",
    "\xa0=", "\x00=", '"=', "'=", "%3D", "%0A-",
)  # fmt: skip
_FORMULAS = (
    "cmd|' /C calc'!A0", 'HYPERLINK("https://example.org","x")', 'IMPORTXML("https://a.org","//a")',
    "SUM(1,1)", 'WEBSERVICE("https://example.org")', "1+1", "A1", 'DDE("cmd";"/C calc";"x")',
)  # fmt: skip
_LONG = 4000
_REPEATED = ("a", "中", "<", "[", "](", "*", "_", "`", "\\", "&lt;", "<b>", "\x1b", "\u0301", "a ")


def _controls() -> Iterator[str]:
    """Every character that moves, hides or turns round what stands beside it."""
    for code in (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x61C, 0x180E, 0xFFFE, 0x10FFFF):
        yield f"a{chr(code)}b"
    blocks = (range(0x200B, 0x2010), range(0x2028, 0x202F), range(0x2060, 0x2070))
    for code in (*[code for block in blocks for code in block], 0xFEFF, *range(0xFFF9, 0xFFFC)):
        yield f"evil{chr(code)}gpj.exe"
        yield chr(code)
    yield from (chr(code) for code in (*range(0xE0000, 0xE0080, 4), 0xD800, 0xDBFF, 0xDC80, 0xDFFF))


def _repeated() -> Iterator[str]:
    for text in _REPEATED:
        yield text * (_LONG // len(text))
        yield text * 40 + "x"


def _made() -> Iterator[str]:
    """All families in turn."""
    for piece, (before, after) in product(PIECES, _FORMS):
        yield f"{before}{piece}{after}"
    for before, element in product(_BREAKOUTS, _ELEMENTS):
        yield f"{before}{element}"
    for encoded, element in product(_ENCODINGS, _ELEMENTS):
        yield encoded(element)
    for mark, event in product(('"', "'", "`", " ", "/"), _EVENTS):
        yield f"x{mark} {event}={mark}{_RUN}{mark} autofocus {mark}"
    for form, address in product(_LINKS, _ADDRESSES):
        yield form.format(address)
    for mark, (before, after) in product(_MARKS, _PLACES):
        yield f"{before}{mark}{after}"
    for start, sequence in product(
        ("\x1b", "a\x1b", "\u009b", "\x1b\x1b", "^[", "\\x1b"), _SEQUENCES
    ):
        yield f"{start}{sequence}b"
    for (before, after), text in product(_FORMS[:3], _RICH):
        yield f"{before}{text}{after}"
    for start, formula in product(_STARTS, _FORMULAS):
        yield f"{start}{formula}"
    yield from _controls()
    yield from _repeated()


HOSTILE = tuple(dict.fromkeys(_made()))
"""All of them, each once."""


def unescaped(text: str) -> list[str]:
    """Control characters of a text, line breaks and tabs aside, and those that turn text round."""
    return sorted({c for c in text if not (c.isprintable() or c in "\n\t\u3000\u00a0")})


class Elements(HTMLParser):
    """What a browser makes of HTML: its elements, their attributes, and where links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags, self.attributes, self.targets = list[str](), set[str](), list[str]()
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.targets += [value or "" for name, value in attrs if name in ("href", "src")]


def in_address(text: str) -> str:
    """The same string as the rest of an address, where a field must hold one."""
    return f"https://example.org/{''.join(text.split())}"


def poisoned(file: Path, parse: Callable[[str], Any], strings: Sequence[str]) -> int:
    """Put hostile strings into each text of a record that may be any text; how many those are."""
    data = json.loads(file.read_text(encoding="utf-8"))
    n = poison(data, lambda: parse(json.dumps(data)), cycle(strings))
    file.write_text(json.dumps(data), encoding="utf-8")
    return n


def poison(data: Any, check: Callable[[], Any], feed: Iterator[str]) -> int:
    """Put strings of ``feed`` into each text below a node of JSON, and into each name of a field.

    ``check`` raises a ValueError where a text must not stand; there it is tried as the rest of an
    address, and else what stood there comes back. Returns how many texts and names are hostile now.
    """
    n = 0
    for holder, key in list(_texts(data)):
        before, text = holder[key], next(feed)
        for tried in (text, in_address(text), before):
            holder[key] = tried
            if tried is before or _passes(check):
                n += tried is not before
                break
    for holder in list(_dicts(data)):
        for key in list(holder):
            before, name = dict(holder), next(feed)
            holder[name] = holder.pop(key)
            if name not in before and _passes(check):
                n += 1
            else:
                holder.clear()
                holder.update(before)
    return n


def _passes(check: Callable[[], Any]) -> bool:
    try:
        check()
    except ValueError:
        return False
    return True


def _texts(node: Any) -> Iterator[tuple[Any, Any]]:
    """Places of all texts below a node of JSON."""
    items = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(items):
        if isinstance(value, str):
            yield node, key
        elif isinstance(value, dict | list):
            yield from _texts(value)


def _dicts(node: Any) -> Iterator[dict[str, Any]]:
    """All objects below a node of JSON."""
    if isinstance(node, dict):
        yield node
    for value in node.values() if isinstance(node, dict) else node:
        if isinstance(value, dict | list):
            yield from _dicts(value)


_READ_BY_CODE = ("recipe", "per_dataset", "layers")


def poisoned_registry(registry: Registry, strings: Sequence[str] = HOSTILE) -> Registry:
    """The registry with a hostile string in each text that may be any text, one after another.

    What code reads stays, such as recipes, and so do ids, which have a form of their own.
    """
    feed, data = cycle(strings), registry.model_dump(mode="json")
    for section in SECTIONS:
        for index, entry in enumerate(data[section]):
            model = type(getattr(registry, section)[index])
            kept = deepcopy({name: entry[name] for name in _READ_BY_CODE if name in entry})
            poison(entry, lambda e=entry, m=model: m.model_validate_json(json.dumps(e)), feed)
            entry |= kept
    return Registry.model_validate_json(json.dumps(data))
