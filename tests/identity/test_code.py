"""The digest of definitions, under a table of edits made to a copy of the tree."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.identity import code, definitions, sources
from bench.identity.code import (
    CALIBRATION,
    DECIDE,
    FASTER,
    LOOPS,
    SCORING,
    TRAINING,
    code_of_scoring,
    code_of_spec,
    code_of_training,
    is_same_code,
    n_versions,
)
from bench.identity.definitions import MissingDefinition
from bench.identity.sources import Definition, source_of
from bench.models.build import resolve_recipe
from bench.records.record import parse_score_record, parse_train_record
from catalog.read.loader import load_registry

CLONE = Path(__file__).resolve().parents[2]
Recipe = dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A variant as it is trained on its first data set."""

    algorithm: str
    recipe: Recipe


def all_rows() -> dict[str, Row]:
    registry = load_registry()
    return {
        variant.id: Row(
            variant.algorithm,
            resolve_recipe(registry, variant, (variant.datasets or ("digits",))[0]).model_dump(
                mode="json"
            ),
        )
        for variant in registry.variants
    }


ROWS = all_rows()
SCORES = {"score": None, "mean-image": "mean-image", "pca-gaussian": "pca-gaussian"}
"""Calibration sets by what they are called among the digests; None is no such set."""


def forget() -> None:
    definitions.forget()
    code._code_of_training.cache_clear()
    code_of_scoring.cache_clear()


def digests() -> dict[str, str]:
    """The digest of every row, of one row in every loop, and of every kind of score."""
    forget()
    found = {name: code_of_training(row.algorithm, row.recipe) for name, row in ROWS.items()}
    dcgan = ROWS["dcgan"]
    for loop in LOOPS[1:]:
        found[loop] = code_of_training(dcgan.algorithm, dcgan.recipe, loop)
    for name, calibration in SCORES.items():
        found[name] = code_of_scoring("digits-cnn", calibration)
    return found


@pytest.fixture(scope="module")
def untouched() -> dict[str, str]:
    return digests()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of our packages, which digests are taken of."""
    for package in ("bench", "catalog"):
        ignored = shutil.ignore_patterns("__pycache__", "*.safetensors")
        shutil.copytree(CLONE / package, tmp_path / package, ignore=ignored)
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    yield tmp_path
    monkeypatch.undo()
    forget()


def file_of(tree: Path, module: str) -> Path:
    return tree.joinpath(*module.split(".")).with_suffix(".py")


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text, f"{file.name} does not hold: {old}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def replace_everywhere(tree: Path, old: str, new: str) -> None:
    for file in tree.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        if old in text:
            file.write_text(text.replace(old, new), encoding="utf-8")


PENALTIES = "bench.objectives.penalties"
ADVERSARIAL = "bench.objectives.adversarial"
GAN = "bench.models.gan"


def comment(tree: Path) -> None:
    replace(file_of(tree, PENALTIES), "    between = ", "    # halfway, or so\n    between = ")


def docstring(tree: Path) -> None:
    replace(file_of(tree, PENALTIES), '"""1/2 E ||grad D(x)||^2 on', '"""Other words: on')


def annotation(tree: Path) -> None:
    old = "def r1_penalty(critic: Critic, real: Tensor, fake: Tensor) -> Tensor:"
    replace(file_of(tree, PENALTIES), old, "def r1_penalty(critic, real, fake):")


def reformatting(tree: Path) -> None:
    for file in (tree / "bench").rglob("*.py"):
        file.write_text(ast.unparse(ast.parse(file.read_text(encoding="utf-8"))), encoding="utf-8")


def renamed_local(tree: Path) -> None:
    replace(file_of(tree, PENALTIES), "position", "where_between")


def moved_function(tree: Path) -> None:
    file = file_of(tree, PENALTIES)
    text = file.read_text(encoding="utf-8")
    at = text.index("def _gradient_norms")
    head = (
        "import torch\nfrom bench.objectives.penalties import _squared_gradient_norms as squares\n"
    )
    moved = text[at:].replace("_squared_gradient_norms", "squares").replace("_gradient", "gradient")
    file_of(tree, "bench.objectives.norms").write_text(head + moved)
    file.write_text(
        text[:at].replace(
            "import torch\n",
            "import torch\nfrom bench.objectives.norms import gradient_norms as _gradient_norms\n",
            1,
        )
    )


def renamed_module(tree: Path) -> None:
    file = file_of(tree, PENALTIES)
    file.rename(file.with_name("gradients.py"))
    replace_everywhere(tree, PENALTIES, "bench.objectives.gradients")


def split_module(tree: Path) -> None:
    """Every loss in a module of its own, the table where it was."""
    file = file_of(tree, ADVERSARIAL)
    text = file.read_text(encoding="utf-8")
    nodes = [node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)]
    head = text[: text.index("\ndef ")]
    imports = []
    for node in nodes:
        source = ast.get_source_segment(text, node)
        file_of(tree, f"bench.objectives.one_{node.name}").write_text(f"{head}\n\n{source}\n")
        imports.append(f"from bench.objectives.one_{node.name} import {node.name}\n")
        text = text.replace(f"{source}\n", "")
    file.write_text(text.replace("@dataclass", "".join(imports) + "\n@dataclass", 1))


def unused_function(tree: Path) -> None:
    with file_of(tree, PENALTIES).open("a") as file:
        file.write("\n\ndef never_called(x: int) -> int:\n    return x + 1\n")


def new_entry(tree: Path) -> None:
    replace(
        file_of(tree, ADVERSARIAL),
        "LOSSES = {\n",
        'LOSSES = {\n    "new": AdversarialLoss(hinge_d_loss, non_saturating_g_loss),\n',
    )


def new_files_by_the_words_of_recipes(tree: Path) -> None:
    for name in ("linear", "constant", "batch", "new"):
        file_of(tree, f"bench.networks.{name}").write_text("VALUE = 1\n")
    file_of(tree, "bench.models.new").write_text("from bench.models.gan import GAN\n")
    file_of(tree, "bench.data.new").write_text("")


def another_message(tree: Path) -> None:
    replace(file_of(tree, "bench.networks.parts"), "was called without", "lacks its")


SAME = [
    comment,
    docstring,
    annotation,
    reformatting,
    renamed_local,
    moved_function,
    renamed_module,
    split_module,
    unused_function,
    new_entry,
    new_files_by_the_words_of_recipes,
    another_message,
]


@pytest.mark.parametrize("edit", SAME, ids=lambda edit: edit.__name__)
def test_what_computes_the_same_has_the_same_digest(
    edit: Callable[[Path], None], tree: Path, untouched: dict[str, str]
) -> None:
    edit(tree)
    assert digests() == untouched


def gans(test: Callable[[Recipe], bool]) -> set[str]:
    """Rows whose recipe passes, and the loops of dcgan if it does."""
    found = {name for name, row in ROWS.items() if test(row.recipe)}
    return found | ({*LOOPS[1:]} if "dcgan" in found else set())


def has_penalty(*names: str) -> Callable[[Recipe], bool]:
    return lambda recipe: any((recipe.get("penalty") or {}).get(name) for name in names)


def has_loss(name: str) -> Callable[[Recipe], bool]:
    return lambda recipe: recipe.get("loss") == name


def everything(_: Recipe) -> bool:
    return True


CHANGED = {
    "constant": (
        "bench.objectives.penalties",
        ("clamp_min(1e-16)", "clamp_min(1e-12)"),
        gans(has_penalty("gradient", "dragan")),
    ),
    "operator": (
        "bench.objectives.penalties",
        (
            "0.5 * _squared_gradient_norms(critic, real)",
            "0.5 + _squared_gradient_norms(critic, real)",
        ),
        gans(has_penalty("r1")) | {name for name in ROWS if name.startswith("stylegan2")},
    ),
    "entry that a row uses": (
        "bench.objectives.adversarial",
        (
            '"least-squares": AdversarialLoss(least_squares_d_loss, least',
            '"least-squares": AdversarialLoss(hinge_d_loss, least',
        ),
        gans(has_loss("least-squares")),
    ),
    "default": (
        "bench.objectives.balance",
        ("largest: float = 1", "largest: float = 2"),
        {"vqgan"},
    ),
    "initialiser": (
        "bench.models.build",
        ("default_generator.manual_seed(seed)", "default_generator.manual_seed(seed + 1)"),
        gans(everything),
    ),
    "sampler": (
        "bench.sample.draw",
        ("% n_classes", "% (n_classes - 1)"),
        gans(everything),
    ),
    "order of the data": (
        "bench.train.batches",
        ("torch.randperm(", "torch.arange("),
        gans(everything),
    ),
    "divergence": ("bench.train.divergence", None, gans(everything)),
    "streaming": (
        "bench.train.gpu.streaming",
        ("return staged.to(", "return staged.clone().to("),
        {"streamed", "tuned"},
    ),
    "replay": ("bench.train.gpu.trainer", None, {"tuned"}),
    "calibration fits on": (
        "bench.score.calibration",
        ("N_FITTED = 10_000", "N_FITTED = 9_000"),
        {"mean-image", "pca-gaussian"},
    ),
    "maker of a calibration set": (
        "bench.score.calibration",
        ("VARIANCE = 0.95", "VARIANCE = 0.9"),
        {"pca-gaussian"},
    ),
    "extractor": (
        "bench.score.extractors.digits_cnn",
        ("/ 255.0", "/ 256.0"),
        set(SCORES),
    ),
    "another extractor": ("bench.score.extractors.shapes_judge", None, set()),
}


def with_another_constant(file: Path) -> None:
    """Change the first number that a function or a class of a file computes with."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            for inner in ast.walk(node):
                if isinstance(inner, ast.Return) and inner.value is not None:
                    inner.value = ast.Tuple([inner.value, ast.Constant(7)], ast.Load())
                    file.write_text(ast.unparse(ast.fix_missing_locations(tree)))
                    return
    raise AssertionError(f"{file} returns nothing")


@pytest.mark.parametrize("name", CHANGED)
def test_an_edit_changes_exactly_the_rows_that_use_it(
    name: str, tree: Path, untouched: dict[str, str]
) -> None:
    module, edit, expected = CHANGED[name]
    file = file_of(tree, module)
    if edit is None:
        with_another_constant(file)
    else:
        replace(file, *edit)
    now = digests()
    changed = {row for row in now if now[row] != untouched[row]}
    assert changed == expected


def committed(pattern: str) -> list[Path]:
    return sorted((CLONE / "reports").glob(pattern))


def test_committed_trainings_are_of_the_present_code() -> None:
    forget()
    records = [parse_train_record(f.read_bytes()) for f in committed("*/records/*/train.json")]
    assert len(records) > 400
    for record in records:
        spec = record.spec
        present = (code_of_spec(spec, loop) for loop in LOOPS)
        same = any(is_same_code("training", record.provenance.code, code) for code in present)
        assert same, record.run_id


def test_committed_scores_are_of_the_present_code() -> None:
    forget()
    files = [*committed("*/records/*/scores/*.json"), *committed("*/records/calibration/*.json")]
    assert len(files) > 800
    for file in files:
        record = parse_score_record(file.read_bytes())
        present = code_of_scoring(
            record.protocol.extractor,
            record.subject.name if record.subject.kind == "calibration" else None,
        )
        assert is_same_code("scoring", record.provenance.code, present), file


def test_other_code_is_told_apart() -> None:
    old = next(iter(code._same_code()["training"]))
    (same,) = {*code._same_code()["training"][old][:1]}
    assert is_same_code("training", old, same)
    assert not is_same_code("training", old, "0" * 64)
    assert not is_same_code("scoring", old, same)
    assert n_versions("training", {old, same}) == 1
    assert n_versions("training", {old, same, "0" * 64}) == 2


def test_every_root_is_there_and_decides() -> None:
    roots = [*TRAINING, *SCORING, *CALIBRATION]
    roots += [root for loop in LOOPS for root in FASTER[loop]]
    for module, name in roots:
        source = source_of(module)
        assert source is not None, module
        assert source.resolve(name) == Definition(module, name), (module, name)
        assert code._decides(module), module
    for package in DECIDE:
        assert source_of(package) is not None, package


def test_a_root_that_is_missing_is_an_error() -> None:
    with pytest.raises(MissingDefinition):
        definitions.digest([Definition("bench.identity.code", "nothing")], (), lambda _: True)


def test_a_plug_in_is_covered_and_a_stranger_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plug_in = tmp_path / "plugin.py"
    plug_in.write_text("class Model:\n    width = 1\n")
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(code, "is_allowed", lambda module: module == "plugin")
    nothing = code_of_training("stranger.inner:Model", {})
    found = code_of_training("plugin:Model", {})
    assert found != nothing
    plug_in.write_text("class Model:\n    width = 2\n")
    forget()
    assert code_of_training("plugin:Model", {}) != found
    forget()
