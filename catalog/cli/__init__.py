"""The commands ``aigc catalog …``, all in ``app``: their options, and what they print.

``look`` finds and shows entries, ``produce`` makes something for other programs, ``check`` checks
the registry and its links. Errors are raised here and rendered by the root command. Modules that
take time to load are imported inside the command that needs them, so that help stays quick.
"""

from __future__ import annotations

import typer

from catalog.cli import check, look, produce

app = typer.Typer(
    name="catalog",
    help="Browse, cite and check the registry.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("list")(look.list_entries)
app.command("search")(look.search)
app.command("show")(look.show)
app.command("errata")(look.errata)
app.command("browse")(look.browse)
app.command("stats")(look.stats)
app.command("graph")(produce.graph)
app.command("cite")(produce.cite)
app.command("export")(produce.export)
app.command("render")(produce.render)
app.command("links")(check.links)
app.command("validate", help=check.VALIDATE_HELP)(check.validate)
