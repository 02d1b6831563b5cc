"""``aigc report site``: reports and catalogue as pages for a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bench.cli.verbs.options import RegistryOption
from bench.cli.verbs.output import emit


def site(
    output_dir: Annotated[
        Path, typer.Option("--output-dir", "-o", help="Where the site goes.")
    ] = Path("site"),
    reports: Annotated[
        Path, typer.Option("--reports", help="The folder of the committed reports.")
    ] = Path("reports"),
    registry_file: RegistryOption = None,
) -> None:
    """Write one static site in both languages, which a browser opens from the disk."""
    from bench.identity.local_registry import pinned_registry
    from bench.report.site import write_site

    emit(write_site(pinned_registry(registry_file), reports, output_dir).as_posix())
