"""The shape of the code: who imports whom, and what stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Callable, Collection
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

ROOMS = (
    *("catalog", "bench.identity", "bench.machine", "bench.records", "bench.data"),
    *("bench.objectives", "bench.networks", "bench.augment", "bench.models", "bench.train"),
    *("bench.sample", "bench.outside", "bench.stats", "bench.score", "bench.run", "bench.watch"),
    *("bench.replay", "bench.speed", "bench.appeal", "bench.report", "bench.cli"),
)
"""From the ground up: a module imports from its own room and from those before it."""
AT_THE_DOOR = {"bench"}
"""Belongs to no room: the package itself, whose public function imports when it is called."""
NAMES_ONLY = {"bench.identity.code", "bench.identity.names", "catalog.rules.entries"}
"""Name modules of higher rooms as text: to read their source, to know old names of them, to allow
them. They never import them."""


@cache
def modules() -> dict[str, Path]:
    """Every module of both packages by its dotted name."""
    found = {}
    for package in ("bench", "catalog"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


@cache
def imported(module: str) -> frozenset[str]:
    """Dotted names in all import statements of a module, those for type checkers included."""
    path = modules()[module]
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            assert node.module is not None
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                names.add(inner if inner in modules() else node.module)
    return frozenset(names)


def own(module: str) -> frozenset[str]:
    """What a module imports from the two packages."""
    return frozenset(name for name in imported(module) if name in modules() and name != module)


@cache
def reached(module: str) -> frozenset[str]:
    """Everything of the two packages that a module imports, directly or not."""
    found: set[str] = set()
    waiting = [module]
    while waiting:
        for name in own(waiting.pop()) - found:
            found.add(name)
            waiting.append(name)
    return frozenset(found)


def belongs(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def room(module: str) -> str | None:
    """The room that a module stands in."""
    return next((name for name in ROOMS if belongs(module, name)), None)


@cache
def mentioned(module: str) -> frozenset[str]:
    """Modules of both packages that a module names in texts, such as those to be imported later."""
    tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
    texts = {
        n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    }
    words = {text.partition(":")[0].removesuffix(".") for text in texts}
    return frozenset(words & modules().keys()) - {module}


def test_the_walk_finds_the_code() -> None:
    assert len(modules()) > 60
    assert "bench.objectives.penalties" in reached("bench.models.gan")
    assert "bench.models.base" in reached("bench.cli.main")
    for name in ROOMS:
        assert any(belongs(module, name) for module in modules()), name


def test_every_module_stands_in_one_room() -> None:
    for module in modules().keys() - AT_THE_DOOR:
        assert sum(belongs(module, name) for name in ROOMS) == 1, module
    assert {path.name for path in (ROOT / "bench").iterdir() if path.is_file()} == {
        "__init__.py",
        "py.typed",
    }


def test_every_room_says_what_it_is_for() -> None:
    for name in ROOMS:
        text = ast.get_docstring(ast.parse(modules()[name].read_text(encoding="utf-8")))
        assert text, name
        assert "TODO" not in text, name
        assert name == "catalog" or len(text) > 80, name


def test_no_module_imports_itself_by_a_detour() -> None:
    try:
        TopologicalSorter({module: own(module) for module in modules()}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(error.args[1]))


def test_imports_run_downwards() -> None:
    height = {name: index for index, name in enumerate(ROOMS)}
    wrong = [
        f"{module} imports {name}"
        for module in modules().keys() - AT_THE_DOOR
        for name in own(module) | (mentioned(module) if module not in NAMES_ONLY else frozenset())
        if name not in AT_THE_DOOR and height[str(room(name))] > height[str(room(module))]
    ]
    assert not wrong, "\n".join(sorted(wrong))


def test_networks_and_objectives_know_nothing_of_the_harness() -> None:
    for module in modules():
        if belongs(module, "bench.networks") or belongs(module, "bench.objectives"):
            foreign = {n for n in own(module) if not n.startswith(("bench.networks", "bench.obj"))}
            assert not foreign, (module, foreign)


def test_training_never_sees_what_scores_it() -> None:
    judges = (
        "bench.score.extractors",
        "bench.score.features",
        "bench.score.metrics",
        "bench.score.scorer",
    )
    for module in (
        "bench.train.loop",
        "bench.sample.draw",
        "bench.sample.trained_model",
        "bench.models.gan",
    ):
        for name in reached(module):
            assert not any(belongs(name, judge) for judge in judges), (module, name)


def test_the_catalogue_stands_alone() -> None:
    heavy = {"torch", "torchvision", "numpy", "pandas", "scipy", "sklearn", "bench"}
    for module in modules():
        if belongs(module, "catalog"):
            roots = {name.partition(".")[0] for name in imported(module)}
            assert not roots & heavy, module


def violations(found: Callable[[ast.AST], list[str]], *packages: str) -> dict[str, list[str]]:
    """What a rule finds in the modules of some packages, by module."""
    texts = {
        module: path.read_text(encoding="utf-8")
        for module, path in modules().items()
        if any(belongs(module, package) for package in packages)
    }
    by_module = {module: found(ast.parse(text)) for module, text in texts.items()}
    return {module: wrong for module, wrong in by_module.items() if wrong}


POSITIONAL = {
    "Adam": 1,
    "AdamW": 1,
    "BatchNorm1d": 1,
    "BatchNorm2d": 1,
    "Conv2d": 4,
    "ConvTranspose2d": 3,
    "Dropout": 1,
    "GroupNorm": 2,
    "LayerNorm": 1,
    "LeakyReLU": 1,
    "Linear": 2,
    "RMSprop": 1,
    "SGD": 1,
}
"""Sizes may go by position, a stride too; options may not: BatchNorm2d's second is no momentum."""


def unnamed_options(tree: ast.AST) -> list[str]:
    """Calls of layers and optimisers that pass an option by position."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and len(node.args) > POSITIONAL.get(node.func.attr, len(node.args))
    ]


def test_options_of_layers_are_named() -> None:
    assert not violations(unnamed_options, "bench")


def test_an_unnamed_option_would_be_noticed() -> None:
    tree = ast.parse("nn.BatchNorm2d(8, 0.8), nn.BatchNorm2d(8, eps=0.8), nn.Linear(8, 2)")
    assert unnamed_options(tree) == ["nn.BatchNorm2d(8, 0.8)"]


FACTORIES = {
    "arange",
    "empty",
    "eye",
    "full",
    "linspace",
    "ones",
    "rand",
    "randint",
    "randn",
    "randperm",
    "tensor",
    "zeros",
}
"""Functions of torch whose tensors are on the CPU unless a device is named."""


def within(tree: ast.AST, names: Collection[str]) -> set[int]:
    """Identities of all nodes inside functions of some names."""
    return {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name in names
        for inner in ast.walk(node)
    }


@cache
def called_by_constructors_alone() -> frozenset[str]:
    """Functions of models, networks and objectives that nothing but a constructor calls."""
    inside: set[str] = set()
    outside: set[str] = set()
    for name, path in modules().items():
        if name.startswith("bench."):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            constructed = within(tree, ["__init__"])
            for node in ast.walk(tree):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                    (inside if id(node) in constructed else outside).add(node.func.id)
    return frozenset(inside - outside)


def bound_to_the_cpu(tree: ast.AST, helpers: Collection[str] = ()) -> list[str]:
    """Calls that would fail on another device.

    What a constructor makes, or a helper that only constructors call, is moved with its model;
    what becomes a list of numbers is on no device.
    """
    built = within(tree, ["__init__", *helpers])
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    methods = [call for call in calls if isinstance(call.func, ast.Attribute)]
    moved = {id(c.func.value) for c in methods if c.func.attr in ("to", "tolist")}  # type: ignore[attr-defined]
    found = []
    for call in methods:
        owner, name = ast.unparse(call.func.value), call.func.attr  # type: ignore[attr-defined]
        named = any(keyword.arg == "device" for keyword in call.keywords)
        made = owner == "torch" and name in FACTORIES and not named and id(call) not in moved
        if id(call) not in built and (made or name in ("cpu", "cuda", "numpy")):
            found.append(ast.unparse(call))
    return found


def test_models_work_where_their_images_are() -> None:
    helpers = called_by_constructors_alone()
    rooms = ("bench.models", "bench.networks", "bench.objectives", "bench.augment")
    assert not violations(lambda tree: bound_to_the_cpu(tree, helpers), *rooms)


def test_a_tensor_bound_to_the_cpu_would_be_noticed() -> None:
    wrong = ["torch.randn(3, 4)", "images.cpu()", "torch.zeros(3, dtype=torch.int64)"]
    fine = [
        "torch.randn(3, device=images.device)",
        "torch.eye(3).to(images)",
        "torch.randn_like(images)",
        "def __init__(self): torch.zeros(3)",
        "def table(): return torch.ones(3)",
        "torch.linspace(0, 1, 5).tolist()",
    ]
    tree = ast.parse("\n".join([*wrong, *fine]))
    assert bound_to_the_cpu(tree, ["table"]) == wrong
    assert bound_to_the_cpu(tree) == [*wrong, "torch.ones(3)"]


BY_NAME = {"eval", "exec", "compile", "__import__"}
UNPACKING = {"extractall", "unpack_archive", "unsafe_load", "full_load"}
FOREIGN = {"pickle", "cPickle", "_pickle", "dill", "joblib", "cloudpickle", "marshal", "shelve"}
ARCHIVES = {"tarfile", "zipfile", "shutil.unpack_archive"}
HARMLESS = {"pickle.UnpicklingError"}
"""An exception, which runs nothing."""
READS_INTO_MEMORY = {
    "bench.data.decode.zip_images": ["import zipfile"],
    "bench.outside.archives": ["import zipfile"],
}
"""Bounds what an archive may hold, and unpacks it nowhere."""


def runs_what_it_reads(tree: ast.AST) -> list[str]:
    """Places where data from a file could become code, or files wherever an archive says."""
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            root = name.partition(".")[0]
            if name not in HARMLESS and ({root} & FOREIGN or {name, root} & ARCHIVES):
                found.append(f"import {name}")
        if isinstance(node, ast.Call) and not _is_safe(node):
            found.append(ast.unparse(node))
    return found


def _is_safe(call: ast.Call) -> bool:
    options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    if options.get("allow_pickle", "False") != "False":
        return False
    if isinstance(call.func, ast.Name):
        return call.func.id not in BY_NAME
    if not isinstance(call.func, ast.Attribute):
        return True
    owner, name = ast.unparse(call.func.value), call.func.attr
    if owner == "torch" and name in ("load", "hub.load"):
        return options.get("weights_only") == "True"
    if owner == "yaml" and name in ("load", "load_all"):
        loader = options.get("Loader", ast.unparse(call.args[1]) if len(call.args) > 1 else "")
        return "SafeLoader" in loader or loader == "_LOADER"
    if owner in FOREIGN or (owner == "np" and name == "load" and "allow_pickle" not in options):
        return False
    return name not in UNPACKING


def test_nothing_that_is_read_is_run() -> None:
    assert violations(runs_what_it_reads, "bench", "catalog") == READS_INTO_MEMORY


def test_archives_are_never_unpacked_to_disk() -> None:
    for module in READS_INTO_MEMORY:
        tree = ast.parse(modules()[module].read_text(encoding="utf-8"))
        names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "open" in names, module
        assert not names & {"extract", *UNPACKING, "write", "writestr"}, module


def test_what_runs_what_it_reads_would_be_noticed() -> None:
    wrong = [
        "torch.load(file)",
        "torch.load(file, weights_only=False)",
        "yaml.load(text)",
        "yaml.load(text, Loader=yaml.Loader)",
        "yaml.load(text, yaml.FullLoader)",
        "yaml.unsafe_load(text)",
        "np.load(file)",
        "np.load(file, allow_pickle=True)",
        "pickle.load(file)",
        "pickle.loads(data)",
        "archive.extractall(folder)",
        "shutil.unpack_archive(file)",
        "eval(text)",
        "exec(text)",
    ]
    fine = [
        "torch.load(file, weights_only=True)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "yaml.safe_load(text)",
        "np.load(file, allow_pickle=False)",
        "model.eval()",
        "json.loads(text)",
        "re.compile(text)",
        "from pickle import UnpicklingError",
    ]
    assert runs_what_it_reads(ast.parse("\n".join([*wrong, *fine]))) == wrong
    imports = ["import pickle", "import tarfile", "from zipfile import ZipFile", "import joblib"]
    assert len(runs_what_it_reads(ast.parse("\n".join(imports)))) == len(imports)


def test_the_loader_of_yaml_makes_plain_data_only() -> None:
    from catalog import document

    assert "SafeLoader" in document._LOADER.__name__


def light(code: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that ends by naming the heavy packages it has loaded."""
    program = f"""
import os, sys
os.chdir({str(tmp_path)!r})
try:
{code}
except SystemExit as stop:
    code = stop.code or 0
else:
    code = 0
heavy = ("torch", "torchvision", "scipy", "sklearn", "pandas")
print("LOADED", *[name for name in heavy if name in sys.modules], file=sys.stderr)
sys.exit(code)
"""
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["bench", "list"],
        ["catalog", "validate"],
        ["bench", "run", "--help"],
        ["bench", "verify", "--help"],
    ],
    ids=" ".join,
)
def test_light_commands_do_not_load_torch(arguments: list[str], tmp_path: Path) -> None:
    code = f"    sys.argv = ['aigc', *{arguments!r}]; from bench.cli.main import main; main()"
    done = light(code, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert done.stderr.splitlines()[-1] == "LOADED"


@pytest.mark.parametrize("package", ["bench", "catalog", "catalog.read.loader", "catalog.cli"])
def test_light_packages_do_not_load_torch(package: str, tmp_path: Path) -> None:
    done = light(f"    import {package}", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == "LOADED"


def test_the_watch_would_notice_torch(tmp_path: Path) -> None:
    done = light("    import bench.models.noise", tmp_path)
    assert "torch" in done.stderr.splitlines()[-1].split()
