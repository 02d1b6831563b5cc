"""``aigc bench appeal``: a published number is reproduced, explained, or neither."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.verbs.options import DeviceOption, JsonOption, RegistryOption
from bench.cli.verbs.output import emit, emit_items, print_rows, say
from catalog.errors import AigcError, GateFailed, UsageError

if TYPE_CHECKING:
    from bench.records.appeal_record import AppealRecord, Tried

SHOWN = 12
"""Deviations that a terminal shows: all that bring the claim out, then the largest."""


def appeal(
    claims: Annotated[
        list[str] | None,
        typer.Argument(help="Claims: YAML files, or ids of registered ones; none lists those."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All registered claims.")] = False,
    out: Annotated[
        Path | None, typer.Option("-o", "--output-dir", help="Folder for ID.json of each appeal.")
    ] = None,
    device: DeviceOption = "auto",
    registry: RegistryOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reproduce a published number, or find out what its authors did otherwise."""
    from bench.appeal.claim import find_claim, registered

    if claims and everything:
        raise UsageError("--all and claims exclude each other", hint="give one of the two")
    known = registered()
    if not claims and not everything:
        _listed(as_json=as_json)
        return
    read = [find_claim(text) for text in (known if everything else claims or ())]
    from bench.appeal.court import heard
    from bench.identity.local_registry import pinned_registry
    from bench.machine.device import resolve_device
    from bench.records.appeal_record import appeal_text, write_appeal

    entries = pinned_registry(registry)
    place = resolve_device(device, cpu_is_fine=True)
    records = []
    for one in read:
        try:
            record = heard(one, entries, place, say)
        except AigcError as error:  # it knows the images or the judge, and not the claim's file
            error.where = error.where or one.file.as_posix()
            error.hint = error.hint or "mend the claim; docs/appeals.md lists its keys"
            raise
        records.append(record)
        if out is not None:
            write_appeal(record, out)
        if not as_json:
            _told(record)
    if as_json:
        emit_items([json.loads(appeal_text(record)) for record in records])
    lost = [record.id for record in records if record.verdict == "not-explained"]
    if lost:
        raise GateFailed(
            f"not explained: {', '.join(lost)}",
            hint="what was tried stands above; a claim that states more of its protocol says more",
        )


def _listed(*, as_json: bool) -> None:
    from bench.appeal.claim import read_claim, registered

    found = [read_claim(path).claim for path in registered().values()]
    if as_json:
        emit_items([one.model_dump(mode="json", exclude_none=True) for one in found])
        return
    print_rows(
        [
            {"id": one.id, "metric": one.metric, "value": one.value, "source": one.source}
            for one in found
        ]
    )


def _told(record: AppealRecord) -> None:
    emit(f"claim\t{record.id}: {record.metric} {record.printed} ({record.source})")
    against = "" if record.reference is None else f", against {record.reference}"
    emit(f"of\t{record.about}{against}")
    emit(f"stated way\t{_number(record.value, record.half_width)}")
    emit(f"verdict\t{_verdict(record)}")
    shown = [*record.explained_by, *_largest(record)]
    print_rows(
        [
            {
                "done otherwise": _changes(one),
                record.metric: _number(one.value, one.half_width),
                "change": _change(one.value, record.value),
                "comes out": "yes" if one.comes_out else "no",
            }
            for one in shown[:SHOWN]
        ]
    )
    if record.tried:
        emit(f"tried\t{len(record.tried)}, with {record.passes} passes of images through a judge")
        emit(
            f"by chance\t{record.by_chance:.1%} of made-up numbers that are no farther off"
            " would be explained, too"
        )
    for reason in record.left_out:
        say(f"left out: {reason}")


def _verdict(record: AppealRecord) -> str:
    if record.verdict != "explained":
        return record.verdict.replace("-", " ")
    best = record.explained_by[0]
    others = len(record.explanations) - 1
    more = f" (or by {others} other ways, below)" if others else ""
    stated = ", which contradicts what the authors state" if best.contradicts else ""
    return f"explained by {_changes(best)}{stated}{more}"


def _largest(record: AppealRecord) -> list[Tried]:
    rest = [one for one in record.tried if not one.comes_out and len(one.changes) == 1]
    return sorted(rest, key=lambda one: -abs(one.value - record.value))


def _changes(one: Tried) -> str:
    return " and ".join(
        f"{change.axis} {change.tried} instead of {change.stated}" for change in one.changes
    )


def _number(value: float, half_width: float = 0.0) -> str:
    if value == round(value) and abs(value) >= 1000:
        return f"{value:,.0f}"  # a count
    return f"{value:.6g}" if half_width == 0 else f"{value:.6g} ± {half_width:.2g}"


def _change(value: float, stated: float) -> str:
    share = (value - stated) / abs(stated) if stated else 0.0
    relative = f" ({share:+.1%})" if 0 < abs(share) < 10 else ""
    return f"{value - stated:+.4g}{relative}"
