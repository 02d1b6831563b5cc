from __future__ import annotations

import json
import subprocess
import sys

from typer.testing import CliRunner

from catalog.cli import app
from catalog.errors import ExitCode, InvalidRegistry
from catalog.rules.entries import statements


def test_a_valid_registry_is_counted() -> None:
    done = CliRunner().invoke(app, ["validate"])
    assert done.exit_code == 0
    assert done.stdout.startswith("registry.yaml: ") or "registry.yaml: " in done.stdout
    assert done.stdout.endswith(" entries, no problems\n")


def test_json_without_problems_is_an_empty_list() -> None:
    done = CliRunner().invoke(app, ["validate", "--json"])
    assert json.loads(done.stdout) == {"schema_version": 1, "items": []}


def test_problems_are_raised_and_listed(edited, place) -> None:
    path = edited(("steps: 1000", "steps: 0"), ("year: 1991", "year: x"))
    done = CliRunner().invoke(app, ["validate", "--registry", str(path), "--json"])
    assert isinstance(done.exception, InvalidRegistry)
    assert done.exception.exit_code == ExitCode.INVALID_INPUT
    items = json.loads(done.stdout)["items"]
    assert [item["path"] for item in items] == [place("resources.{python}.year"), "suites.0.steps"]
    assert set(items[0]) == {"file", "line", "path", "message"}


def test_help_lists_every_rule() -> None:
    done = CliRunner().invoke(app, ["validate", "--help"], env={"COLUMNS": "200"})
    shown = " ".join(done.output.split())
    assert all(statement in shown for statement in statements())


def test_the_catalogue_imports_neither_torch_nor_the_harness() -> None:
    code = (
        "import pkgutil, importlib, sys, catalog\n"
        "for module in pkgutil.walk_packages(catalog.__path__, 'catalog.'):\n"
        "    importlib.import_module(module.name)\n"
        "print(sorted({'torch', 'bench'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
