"""How strings that somebody else wrote stand in an output: one function for each kind of output.

Records, registries, names of files and the environment hold whatever their authors put there. In
HTML the templates escape by themselves, and SVG is made from a tree; everything else passes here.
"""

from __future__ import annotations

import re
from unicodedata import category
from urllib.parse import quote

_WEB = re.compile(r"(?:https?://[^\s/]|mailto:)", re.IGNORECASE)
_SCHEME = re.compile(r"[^/?#]*:")

_MARKUP = re.compile(
    r"""
    (?P<html> < | & (?=\#?\w+;) )
    | [`~]
    | \\ (?= [!-/:-@\[-`{-~] | $ )          # before anything that it would make literal
    | \* (?=\S) | (?<=\S) \*                # an asterisk between blanks marks nothing
    | \$ (?=\S)                             # GitHub reads mathematics
    | (?<![^\W_]) _ | _ (?![^\W_])          # an underscore inside a word marks nothing
    | \[ (?= \^?[\w.-]+\] )                 # the name of a link that a page may define
    | \] (?= [(\[:] )
    | ^ \[ (?= \s\] )                       # a box to be ticked
    | ^ (?: [>+*-] | \#{1,6} ) (?= \s | $ ) # what makes a line a list, a quote or a heading
    | ^ (?: > | -{2,}$ | ={1,}$ )
    | (?P<number> ^ \d{1,9} ) [.)] (?= \s | $ )
    """,
    re.VERBOSE,
)
_HTML = {"<": "&lt;", "&": "&amp;"}
_ENTITY = re.compile(r"&(?=#?\w+;)")
_NO_CODE = re.compile(r"[`<\\]|^\s|\s$|^$")
_FORMULA = re.compile(r"""[\s"]*[=+\-@＝＋－＠]""")
"""Neither blanks, nor a quote, nor signs as wide as Chinese characters hide a formula."""
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?%?")


def visible(text: str, keep: str = "") -> str:
    r"""Text whose control characters can be seen: ESC is ``\x1b``, a line break ``\n``.

    So is all that moves, hides or turns round what stands beside it, and what no encoding can
    write. ``keep`` holds characters that pass.
    """
    if text.isprintable():
        return text
    return "".join(one if one in keep else _visible(one) for one in text)


def visible_lines(text: str) -> str:
    """``visible`` for text of several lines, which may hold tabs."""
    return "\n".join(visible(line, keep="\t") for line in text.split("\n"))


def visible_json(text: str) -> str:
    """A JSON document in which control characters are spelled as JSON spells them."""
    return "\n".join(
        line if line.isprintable() else "".join(map(_json_visible, line))
        for line in text.split("\n")
    )


def md_text(text: str) -> str:
    """One line of Markdown that reads as the text does: no HTML, no link, no code, no emphasis.

    A bar passes: ``markdown_table`` escapes it, and it means nothing elsewhere.
    """
    return _MARKUP.sub(_escaped, visible(" ".join(text.split())))


def md_label(text: str) -> str:
    """``md_text`` for the brackets of a link or a picture."""
    return re.sub(r"\\.|[\[\]]", lambda one: one[0].rjust(2, "\\"), md_text(text))


def md_link(text: str, address: str | None) -> str:
    """A link, or ``md_text`` where there is no address that a page may lead to."""
    target = md_target(address)
    return f"[{md_label(text)}]({target})" if target else md_text(text)


def md_code(text: str) -> str:
    """A span of code, or ``md_text`` where a span could not hold the text."""
    shown = visible(text)
    return md_text(text) if _NO_CODE.search(shown) or shown != text else f"`{text}`"


def md_target(address: str | None) -> str:
    """What stands in the parentheses of a link: an address on the web or beside the page.

    Empty for any other, such as ``javascript:``; such a link leads to the page itself.
    """
    kept = link_target(address or "")
    shown = quote(kept or "", safe="/:?=&#%+,;@!~'$*[]", errors="replace")
    return _ENTITY.sub("&amp;", shown)


def link_target(address: str) -> str | None:
    """An address that a page may lead to: http, https, mailto, or relative; None for others."""
    if visible(address) != address or address.startswith(("//", "\\", "/\\")):
        return None
    return None if _SCHEME.match(address) and not _WEB.match(address) else address


def sheet_cell(text: str) -> str:
    """A cell of TSV or CSV on one line, which no spreadsheet takes for a formula."""
    shown = visible(text)
    formula = _FORMULA.match(shown) and len(shown) > 1 and not _NUMBER.fullmatch(shown)
    return f"'{shown}" if formula else shown


def _visible(character: str) -> str:
    hidden = category(character).startswith("C") or category(character) in ("Zl", "Zp")
    return character.encode("unicode_escape").decode() if hidden else character


def _json_visible(character: str) -> str:
    if _visible(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _escaped(found: re.Match[str]) -> str:
    if found["html"]:
        return _HTML[found[0]]
    number = found["number"] or ""
    return f"{number}\\{found[0][len(number) :]}"
