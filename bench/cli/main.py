"""The command ``aigc``: mounts the verbs and turns errors into sentences and exit codes."""

from __future__ import annotations

import atexit
import gc
import os
import sys
import traceback
from typing import Annotated, NoReturn

import typer

from bench.cli.verbs import (
    appeal,
    cards,
    checks,
    comparing,
    data,
    explain,
    export,
    extractors,
    listing,
    load,
    planning,
    prune,
    reporting,
    run,
    sampling,
    score,
    speed,
    stats,
    watching,
)
from bench.cli.verbs import verify as verifying
from bench.cli.verbs.output import emit, say
from catalog.cli import app as catalog_app
from catalog.errors import AigcError, ExitCode, JobFailed, MissingPrerequisite

EXIT_CODES = """\
Exit codes: 0 all done · 1 a job failed · 2 usage · 3 invalid input · 4 something is missing ·
5 a check did not pass · 130 interrupted, state saved."""


def _group(help_text: str, epilog: str | None = None) -> typer.Typer:
    return typer.Typer(
        help=help_text,
        epilog=epilog,
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
        add_completion=False,
    )


app = _group("Browse, train, score and rank generative image models.", EXIT_CODES)
bench_app = _group("Train, score and compare variants.")
report_app = _group("Tables made from records, and a look at running jobs.")

app.add_typer(catalog_app, name="catalog")
app.add_typer(bench_app, name="bench")
app.add_typer(report_app, name="report")
app.command("doctor")(checks.doctor)
bench_app.command("list")(listing.list_entries)
bench_app.command("show")(listing.show)
bench_app.command("explain")(explain.explain)
bench_app.command("plan")(planning.plan)
bench_app.command("run")(run.run)
bench_app.command("status")(planning.status)
bench_app.command("prune")(prune.prune)
bench_app.command("sample")(sampling.sample)
bench_app.command("generate")(sampling.generate)
bench_app.command("score")(score.score)
bench_app.command("load")(load.load)
bench_app.command("export")(export.export)
bench_app.command("stats")(stats.stats)
bench_app.command("appeal")(appeal.appeal)
bench_app.command("selftest")(checks.selftest)
bench_app.command("verify")(verifying.verify)
bench_app.command("speed")(speed.speed)
bench_app.add_typer(extractors.extractor_app, name="extractor")
bench_app.add_typer(data.data_app, name="data")
bench_app.command("validate")(checks.validate)
report_app.command("leaderboard")(reporting.leaderboard)
report_app.command("claims")(reporting.claims)
report_app.command("appeals")(reporting.appeals)
report_app.command("sign")(reporting.sign)
report_app.command("all")(reporting.everything)
report_app.command("site")(reporting.site)
report_app.command("card")(cards.card)
report_app.command("compare")(comparing.compare)
report_app.command("live")(watching.live)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        emit(f"aigc {version('aigc-bench')}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Browse, train, score and rank generative image models."""


def main() -> None:
    """Run the command line; the exit code says how it went."""
    # Looking once more through all that torch has loaded is most of the time that ending takes.
    atexit.register(gc.freeze)
    try:
        _run()
    except AigcError as error:
        _end(error, error)
    except KeyboardInterrupt:
        say("interrupted: state is saved; the same command goes on from here")
        sys.exit(ExitCode.INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone; what is left in the buffer goes nowhere, quietly.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.OK)
    except OSError as error:
        # A name too long, a folder that may not be written, a full disk: no bug of this program.
        refused = MissingPrerequisite(
            f"the system refuses a file: {error.strerror or error}",
            where=None if error.filename is None else str(error.filename),
            hint="see to space and permissions, then give the same command again",
        )
        _end(refused, error)
    except Exception as error:  # noqa: BLE001 (a bug must not end in a traceback without --debug)
        hint = "this is a bug; run 'aigc --debug …' for the details to report"
        _end(JobFailed(f"{type(error).__name__}: {error}", hint=hint), error)


def _end(told: AigcError, error: Exception) -> NoReturn:
    """Say what went wrong, with ``--debug`` where, and exit with the code for it."""
    if "--debug" in sys.argv[1:]:
        traceback.print_exception(error)
    for line in told.lines():
        say(line)
    sys.exit(told.exit_code)


def _run() -> None:
    """Run Typer's application, but not its own answer to interruptions and closed pipes."""
    try:
        app()
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        if ended.code == ExitCode.INTERRUPTED:
            raise KeyboardInterrupt from None
        sys.stdout.flush()  # output that fitted into the buffer meets a closed pipe only here
        raise
