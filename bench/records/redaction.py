"""Takes out of a text what a published record must not tell: persons, places and secrets.

Records are committed and sent around, and messages of errors quote whatever a library or the
system put into them: file names with the user's name, addresses with a password.
"""

from __future__ import annotations

import getpass
import re
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[2]
HIDDEN = "…"
_KEPT = "\0"
"""Stands before a path that was shortened to its public part and is not to be touched again."""

_SECRETS = (
    # https://user:password@host
    (re.compile(r"(?<=://)[^\s/@]+(?=@)"), HIDDEN),
    (re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1 {HIDDEN}"),
    # password=…, "api_key": "…", --token …, AWS_SECRET_ACCESS_KEY=…
    (
        re.compile(
            r"""((?:[\w-]*(?:pass(?:word|wd)?|pwd|secret|token(?!s)|api[_-]?key|access[_-]?key|credential)
            [\w-]*)["']?\s*[=:]\s*)(?:"[^"\n]*"|'[^'\n]*'|[^\s,;&"')\]}]+)""",
            re.IGNORECASE | re.VERBOSE,
        ),
        rf"\1{HIDDEN}",
    ),
    # keys that tell themselves by their beginnings
    (re.compile(r"\b(?:gh[opsu]_|github_pat_|hf_|sk-|AKIA|xox[abp]-)[\w-]{12,}"), HIDDEN),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.[A-Za-z]{2,}\b"), HIDDEN),
)
_LIBRARY = re.compile(
    r"""(?:(?<=["'])[^"'\n]*?|[^\s"'\n]*?)[/\\]
    (?:(?:site|dist)-packages|lib(?:64)?[/\\]python3(?:\.\d+)?(?![/\\](?:site|dist)-packages))[/\\]""",
    re.VERBOSE,
)
_HOMES = re.compile(r"(?<![\w.~])(?:[A-Za-z]:)?[/\\]+(?:home|Users)[/\\]+[^\s/\\\"':;,]+")
_PATH = re.compile(r"(?<![\w/\\.~…])(?!//)(?:[A-Za-z]:)?(?:[/\\]+[^\s/\\\"'<>|:;,()\[\]]+){2,}")
_PUBLIC = re.compile(r"[/\\]+(?:dev|proc|sys)[/\\]")


def anonymous(text: str, *, runs_dir: Path | None = None) -> str:
    """A text without user names, places of this machine and credentials.

    The package's own folder and everything up to site-packages go, the home folder becomes ``~``, a
    runs directory its own name, any other absolute path its last part; a part of a path that is
    the user's name becomes ``user``, a secret or an e-mail address ``…``.

    Args:
        text: a message or a traceback.
        runs_dir: where runs are kept; paths in it stay readable, from its name on.
    """
    for pattern, instead in _SECRETS:
        text = pattern.sub(instead, text)
    text = _from_folder(text.replace("file://", ""), PACKAGE, _KEPT)
    text = _LIBRARY.sub(_KEPT, text)
    if runs_dir is not None:
        for folder in dict.fromkeys((runs_dir.absolute(), runs_dir.resolve())):
            text = _from_folder(text, folder, f"{folder.name}/")
    text = _from_folder(text, Path.home(), "~/")
    text = _HOMES.sub("~", text)
    text = _without_user(text)
    return _PATH.sub(_last_part, text).replace(_KEPT, "")


def _from_folder(text: str, folder: Path, instead: str) -> str:
    """Put ``instead`` in the place of a folder where a path goes through it or ends in it."""
    if folder == Path(folder.anchor):
        return text  # the root is in every path and says nothing
    name = re.escape(str(folder))
    text = re.sub(rf"(?<![\w.]){name}[/\\]+", lambda _: instead, text)
    return re.sub(rf"(?<![\w.]){name}(?![\w.-])", lambda _: instead.rstrip("/"), text)


def _without_user(text: str) -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # this user has no entry on this machine: nothing to hide
        return text
    part = re.compile(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])")

    def hide(found: re.Match[str]) -> str:
        path = found[0]
        return path if path.startswith(_KEPT) else part.sub("user", path)

    return re.sub(r"[^\s\"'<>|]*[/\\][^\s\"'<>|]*", hide, text)


def _last_part(found: re.Match[str]) -> str:
    path = found[0]
    if _PUBLIC.match(path):
        return path
    last = re.split(r"[/\\]", path)[-1]
    return f"{HIDDEN}/{last}"
