"""Whether addresses still answer, judged together with what they answered before.

States: ``ok`` answered; ``moved`` answered, but only permanent redirects led there; ``gone`` said
404 or 410; ``unknown`` for everything that may pass (time-out, refusal, 403, 429, 5xx). Each check
replaces the state, except that ``unknown`` never erases ``gone``: a page that was gone must answer
before it counts as back. ``since`` is the day the present state began, ``last_ok`` the last day the
address answered. When no address at all can be reached, the machine is offline and nothing changes.
"""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Literal

from catalog.errors import InvalidInput
from catalog.files import write_atomically
from catalog.rules.entries import normal_address
from catalog.schema import Registry

State = Literal["ok", "moved", "gone", "unknown"]
STATES: tuple[State, ...] = ("gone", "moved", "unknown", "ok")

_PERMANENT = (301, 308)
_GONE = (404, 410)
_WORKERS = 8
_AGENT = "Mozilla/5.0 (compatible; aigc-bench link check)"


@dataclass(frozen=True)
class Answer:
    """What one request came to; ``reached`` is False when no server answered at all."""

    state: State
    detail: str
    reached: bool = True
    location: str | None = None


@dataclass(frozen=True)
class Known:
    """What is remembered of an address; days are ISO dates."""

    state: State
    detail: str
    since: str
    checked: str
    last_ok: str | None = None
    location: str | None = None


def addresses(registry: Registry) -> dict[str, list[str]]:
    """Every address with the entries and errata that use it."""
    users: dict[str, list[str]] = {}
    for resource in registry.resources:
        for url in resource.urls:
            users.setdefault(url, []).append(resource.id)
    for erratum in registry.errata:
        for source in erratum.sources:
            if source.startswith("http"):
                users.setdefault(source, []).append(erratum.id)
    return users


def check(urls: Iterable[str], timeout: float) -> dict[str, Answer]:
    """Ask every address once, several at a time."""
    wanted = list(urls)
    with ThreadPoolExecutor(_WORKERS) as pool:
        answers = pool.map(lambda url: ask(url, timeout), wanted)
        return dict(zip(wanted, answers, strict=True))


def ask(url: str, timeout: float) -> Answer:
    """One address: HEAD, and GET where a server answers HEAD with an error."""
    answer = _request(url, "HEAD", timeout)
    refused = answer.reached and answer.state in ("gone", "unknown")
    return _request(url, "GET", timeout) if refused else answer


def is_offline(answers: Mapping[str, Answer]) -> bool:
    """Whether nothing could be reached, which says more about us than about the addresses."""
    return bool(answers) and not any(answer.reached for answer in answers.values())


def advance(known: Known | None, answer: Answer, today: str) -> Known:
    """The state after one more answer."""
    if answer.state == "unknown" and known and known.state == "gone":
        return replace(known, checked=today, detail=f"{known.detail}; now {answer.detail}")
    kept = known is not None and known.state == answer.state
    last_ok = known.last_ok if known else None
    return Known(
        state=answer.state,
        detail=answer.detail,
        since=known.since if known and kept else today,
        checked=today,
        last_ok=today if answer.state in ("ok", "moved") else last_ok,
        location=answer.location,
    )


def load_history(path: Path) -> dict[str, Known]:
    """What earlier checks found.

    Raises:
        InvalidInput: the file is not a history.
    """
    if not path.is_file():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        return {url: Known(**known) for url, known in data["links"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"{path} is not a link history: {error}", hint="delete it to start anew"
        ) from error


def save_history(path: Path, history: Mapping[str, Known]) -> None:
    """Write the history for the next check."""
    links = {url: asdict(history[url]) for url in sorted(history)}
    text = json.dumps({"schema_version": 1, "links": links}, indent=1, ensure_ascii=False)
    write_atomically(path, text)


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects and remembers whether all of them were permanent."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        self.codes.append(code)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request(url: str, method: str, timeout: float) -> Answer:
    redirects = _Redirects()
    opener = urllib.request.build_opener(redirects)
    request = urllib.request.Request(url, method=method, headers={"User-Agent": _AGENT})  # noqa: S310 - the schema allows http(s) only
    try:
        with opener.open(request, timeout=timeout) as response:
            final = response.geturl()
    except urllib.error.HTTPError as error:
        state: State = "gone" if error.code in _GONE else "unknown"
        return Answer(state, f"HTTP {error.code}")
    except OSError as error:  # URLError, and what breaks off while the answer is read
        reason = str(getattr(error, "reason", error)) or type(error).__name__
        return Answer("unknown", reason, reached=False)
    except (http.client.HTTPException, ValueError) as error:
        return Answer("unknown", f"{type(error).__name__}: {error}")
    permanent = bool(redirects.codes) and all(code in _PERMANENT for code in redirects.codes)
    if permanent and normal_address(final) != normal_address(url):
        return Answer("moved", f"moved to {final}", location=final)
    return Answer("ok", "answered")
