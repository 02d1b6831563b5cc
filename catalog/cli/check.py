"""Commands that check: validate the registry, and ask whether its links still answer."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from catalog.cli.options import (
    JsonOption,
    RegistryOption,
    emit,
    emit_json,
    emit_table,
    read_registry,
    say,
)
from catalog.errors import GateFailed, InvalidRegistry, MissingPrerequisite
from catalog.rules.entries import SECTIONS, statements

if TYPE_CHECKING:
    from catalog.rules.links import Known

VALIDATE_HELP = "\n\n".join(
    [
        "Check the registry: its YAML, the schema of every entry, and these rules.",
        "\n".join(f"- {statement}" for statement in statements()),
    ]
)


def validate(registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """Report every problem of a registry file, or say that there is none.

    Raises:
        InvalidRegistry: there is a problem; with ``--json`` the document is printed first.
        MissingPrerequisite: there is no such file.
    """
    from catalog.read.loader import examine
    from catalog.read.locate import find_registry

    found = examine(find_registry(registry))
    if as_json:
        items = [{"file": found.file, **asdict(problem)} for problem in found.problems]
        emit_json(items)
    if found.registry is None:
        raise InvalidRegistry(found.file, [item.shown(found.file) for item in found.problems])
    if not as_json:
        n_entries = sum(len(getattr(found.registry, section)) for section in SECTIONS)
        emit(f"{found.file}: {n_entries} entries, no problems")


def links(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Entries; all if none.")
    ] = None,
    timeout: Annotated[float, typer.Option("--timeout", min=0.1, help="Seconds per request.")] = 10,
    history: Annotated[
        Path | None,
        typer.Option("--history", metavar="FILE", help="What earlier checks found (in the cache)."),
    ] = None,
    as_json: JsonOption = False,
    registry: RegistryOption = None,
) -> None:
    """Ask every link whether it still answers: ok, moved, gone or unknown.

    Only links that are gone are an error; one that merely did not answer may be back tomorrow.

    Raises:
        GateFailed: at least one link is gone.
        MissingPrerequisite: nothing could be reached; the history is left as it was.
    """
    from datetime import UTC, datetime

    from catalog.files import cache_dir
    from catalog.rules.links import (
        addresses,
        advance,
        check,
        is_offline,
        load_history,
        save_history,
    )

    catalogue = read_registry(registry)
    chosen = {catalogue.resource(name).id for name in names or []}
    users = {
        url: by for url, by in addresses(catalogue).items() if not chosen or chosen.intersection(by)
    }
    store = history or cache_dir() / "links.json"
    known = load_history(store)
    answers = check(users, timeout)
    if is_offline(answers):
        raise MissingPrerequisite(
            f"offline: none of {len(answers)} addresses could be reached",
            hint="nothing was recorded; try again with a network",
        )
    today = datetime.now(tz=UTC).date().isoformat()
    fresh = {url: advance(known.get(url), answer, today) for url, answer in answers.items()}
    save_history(store, {**known, **fresh})
    _report(fresh, users, as_json=as_json)
    gone = [url for url, state in fresh.items() if state.state == "gone"]
    if gone:
        raise GateFailed(
            f"{len(gone)} of {len(fresh)} links are gone",
            where=", ".join(gone[:3]),
            hint="replace them in the registry, or cite an archived copy",
        )


def _report(fresh: dict[str, Known], users: dict[str, list[str]], *, as_json: bool) -> None:
    from catalog.rules.links import STATES

    ordered = sorted(fresh, key=lambda url: (STATES.index(fresh[url].state), url))
    if as_json:
        emit_json({"url": url, "used_by": users[url], **asdict(fresh[url])} for url in ordered)
    else:
        rows = [
            [fresh[url].state, fresh[url].since, ", ".join(users[url]), url, fresh[url].detail]
            for url in ordered
            if fresh[url].state != "ok"
        ]
        if rows:
            emit_table(["state", "since", "used by", "url", "detail"], rows)
    counted = {state: sum(known.state == state for known in fresh.values()) for state in STATES}
    say(", ".join(f"{number} {state}" for state, number in counted.items()))
