"""The commands ``aigc catalog …``.

Owns their options and output; errors are raised and rendered by the root command.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from catalog.errors import InvalidRegistry
from catalog.rules import SECTIONS, statements

app = typer.Typer(
    name="catalog",
    help="Browse and check the registry.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

RegistryOption = Annotated[
    Path | None,
    typer.Option(
        "--registry", metavar="FILE", help="Registry file (default: AIGC_REGISTRY or our own)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

_VALIDATE_HELP = "\n\n".join(
    [
        "Check the registry: its YAML, the schema of every entry, and these rules.",
        "\n".join(f"- {statement}" for statement in statements()),
    ]
)


@app.callback()
def catalog() -> None:
    """Keep ``validate`` a sub-command while it is the only one."""


@app.command(help=_VALIDATE_HELP)
def validate(registry: RegistryOption = None, as_json: JsonOption = False) -> None:
    """Report every problem of a registry file, or say that there is none.

    Raises:
        InvalidRegistry: there is a problem; with ``--json`` the document is printed first.
        MissingPrerequisite: there is no such file.
    """
    from catalog.loader import examine
    from catalog.locate import find_registry

    found = examine(find_registry(registry))
    if as_json:
        items = [{"file": found.file, **asdict(problem)} for problem in found.problems]
        typer.echo(json.dumps({"schema_version": 1, "items": items}, indent=2))
    if found.registry is None:
        raise InvalidRegistry(found.file, [item.shown(found.file) for item in found.problems])
    if not as_json:
        n_entries = sum(len(getattr(found.registry, section)) for section in SECTIONS)
        typer.echo(f"{found.file}: {n_entries} entries, no problems")
