"""The code hash: it covers what a training depends on, and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from helpers import CLONE

from bench import sources
from bench.record import parse_train_record
from bench.sources import LOOP, PACKAGE, SCORING, code_of_scoring, code_of_training
from catalog.loader import load_registry

GAN, VAE = "bench.models.gan:GAN", "bench.models.vae:VAE"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the package's sources that a test may change."""
    copy = tmp_path / "bench"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("*.safetensors", "__pycache__"))
    monkeypatch.setattr(sources, "PACKAGE", copy)
    forget()
    yield copy
    forget()


def forget() -> None:
    sources._code_of_training.cache_clear()
    code_of_scoring.cache_clear()


def hashes() -> tuple[str, str, str]:
    forget()
    gan, vae = code_of_training(GAN, {"backbone": "dcgan"}), code_of_training(VAE, {})
    return gan, vae, code_of_scoring("digits-cnn")


@pytest.mark.parametrize(
    ("file", "gan", "vae", "scoring"),
    [
        ("train.py", True, True, False),
        ("data/base.py", True, True, True),
        ("models/base.py", True, True, False),
        ("models/gan.py", True, False, False),
        ("networks/dcgan.py", True, False, False),
        ("networks/mlp.py", False, False, False),
        ("objectives/elbo.py", False, True, False),
        ("models/began.py", False, False, False),
        ("score.py", False, False, True),
        ("stats/sampling.py", False, False, True),
        ("report/markdown.py", False, False, False),
    ],
)
def test_a_changed_file_changes_what_depends_on_it(
    file: str, gan: bool, vae: bool, scoring: bool, package: Path
) -> None:
    before = hashes()
    with (package / file).open("a") as source:
        source.write("# changed\n")
    changed = [now != then for now, then in zip(hashes(), before, strict=True)]
    assert changed == [gan, vae, scoring]


def test_the_tuned_path_decides_what_goes_through_it_alone(package: Path) -> None:
    recipe = {"backbone": "dcgan"}
    plain, tuned = (code_of_training(GAN, recipe, tuned=tuned) for tuned in (False, True))
    assert plain == code_of_training(GAN, recipe) != tuned
    with (package / "tuned" / "trainer.py").open("a") as source:
        source.write("# changed\n")
    forget()
    assert code_of_training(GAN, recipe) == plain
    assert code_of_training(GAN, recipe, tuned=True) != tuned
    (package / "train.py").write_text("")
    forget()
    assert code_of_training(GAN, recipe) != plain


def test_the_sources_of_committed_records_are_the_present_ones() -> None:
    files = sorted((CLONE / "reports").glob("*/records/dcgan-*/train.json"))
    records = [parse_train_record(file.read_bytes()) for file in files]
    assert records
    for record in records:
        spec = record.spec
        present = code_of_training(spec.algorithm, spec.recipe)
        assert record.provenance.implementation_sha256 == present
        assert record.train_hash == spec.train_hash


def test_a_new_model_file_changes_no_other_row(package: Path) -> None:
    before = hashes()
    (package / "models" / "new.py").write_text("from bench.models.gan import GAN\n")
    assert hashes() == before


def test_a_new_loader_or_extractor_changes_no_other_result(package: Path) -> None:
    before = hashes()
    (package / "data" / "new.py").write_text("")
    (package / "extractors" / "new_net.py").write_text("")
    assert hashes() == before
    own = code_of_scoring("new-net")
    assert own != before[2]
    (package / "extractors" / "new_net.py").write_text("# changed\n")
    forget()
    assert code_of_scoring("new-net") != own


def test_every_named_source_exists() -> None:
    for name in (*LOOP, *SCORING):
        assert (PACKAGE / name).exists(), name


def test_every_algorithm_has_a_hash_of_its_own_source() -> None:
    algorithms = {variant.algorithm for variant in load_registry().variants}
    modules = {algorithm.partition(":")[0] for algorithm in algorithms}
    assert len({code_of_training(name, {}) for name in modules}) == len(modules)


def test_a_plug_in_is_covered_and_a_stranger_is_not_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "plugin.py").write_text("")
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sources, "is_allowed", lambda module: module == "plugin")
    nothing = code_of_training("stranger.inner:Model", {})
    plugin = code_of_training("plugin:Model", {})
    assert plugin != nothing
    (tmp_path / "plugin.py").write_text("# changed\n")
    forget()
    assert code_of_training("plugin:Model", {}) != plugin
