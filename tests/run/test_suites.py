"""Budgets and protocols: which table a command is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.identity import protocol as protocols
from bench.report.leaderboard.commands import report_command, run_command
from bench.run.plan import planned_specs
from bench.run.suite_choice import SuiteChoice, arguments_of
from catalog.errors import UsageError
from catalog.schema import Registry


def test_a_budget_is_a_table_of_its_own(registry: Registry) -> None:
    whole = registry.suite("cifar10")
    tiny = SuiteChoice("cifar10", "tiny").of(registry)
    assert tiny == registry.suite("cifar10-tiny")
    budget = whole.budgets["tiny"]
    assert (tiny.steps, tiny.seeds, tiny.variants) == (budget.steps, (0,), budget.variants)
    assert (tiny.dataset, tiny.protocol) == (whole.dataset, whole.protocol)
    assert not tiny.budgets
    short = SuiteChoice("cifar10", "short").of(registry)
    assert (short.seeds, short.variants) == (whole.seeds, whole.variants)


def test_rows_of_a_budget_have_equally_many_updates(registry: Registry) -> None:
    for suite in registry.all_suites:
        if registry.dataset(suite.dataset).is_pinned:
            assert {spec.steps for spec in planned_specs(registry, suite)} == {suite.steps}


def test_budgets_differ_in_length_and_their_trainings_in_hash(registry: Registry) -> None:
    steps = [registry.suite(f"mnist-{name}").steps for name in ("tiny", "short", "paper")]
    assert steps == sorted(set(steps))
    hashes = {
        planned_specs(registry, registry.suite(f"mnist-{name}"))[0].train_hash
        for name in ("tiny", "short", "paper")
    }
    assert len(hashes) == 3


def test_what_there_is_not_is_refused_with_what_there_is(registry: Registry) -> None:
    with pytest.raises(UsageError, match="no budget 'tiny'"):
        SuiteChoice("digits", "tiny").of(registry)
    with pytest.raises(UsageError, match="scores 'digits'"):
        SuiteChoice("cifar10", protocol="digits-10k").of(registry)
    with pytest.raises(UsageError, match=r"did you mean: .*cifar10-tiny"):
        registry.suite("cifar10-tyni")


def test_another_protocol_has_another_table_and_the_same_trainings(registry: Registry) -> None:
    own = SuiteChoice("cifar10", "tiny").of(registry)
    other = SuiteChoice("cifar10", "tiny", "cifar10-inception-50k").of(registry)
    assert other.id == "cifar10-tiny-by-cifar10-inception-50k"
    assert planned_specs(registry, own) == planned_specs(registry, other)
    assert SuiteChoice("cifar10", "tiny", own.protocol).of(registry) == own


def test_the_words_for_a_table_lead_back_to_it(registry: Registry) -> None:
    assert arguments_of(registry.suite("digits-ten-seeds"), registry) == "digits-ten-seeds"
    for suite in registry.all_suites:
        for protocol in registry.protocols:
            if protocol.dataset == suite.dataset:
                table = SuiteChoice(suite.id, None, protocol.id).of(registry)
                name, *options = arguments_of(table, registry).split()
                said = dict(zip(options[::2], options[1::2], strict=True))
                choice = SuiteChoice(name, said.get("--budget"), said.get("--protocol"))  # type: ignore[arg-type]
                assert choice.of(registry) == table


@pytest.mark.parametrize(
    ("table", "run", "report"),
    [
        ("digits", "digits dcgan", "digits --runs reports/digits/records"),
        ("shapes", "shapes dcgan", "shapes --runs reports/shapes/records"),
        ("folder", "folder dcgan", "folder --runs reports/folder/records"),
        (
            "cifar10-tiny",
            "cifar10 --budget tiny dcgan --data-dir DIR",
            "cifar10 --budget tiny --runs reports/cifar10-tiny/records",
        ),
    ],
)
def test_commands_name_budgets_and_the_folder_of_the_data(
    registry: Registry, table: str, run: str, report: str
) -> None:
    suite = registry.suite(table)
    assert run_command(suite, registry, "dcgan") == f"aigc bench run {run}"
    assert report_command(suite, registry, None) == f"aigc report leaderboard {report}"
    assert report_command(suite, registry, "zh").endswith(f"{report} --lang zh")
    mended = report_command(suite, registry, output_dir=Path("o"))
    assert mended.endswith(f"--runs o/{table}/records -o o --replace")


def test_inception_protocols_are_the_literatures(registry: Registry) -> None:
    found = [p for p in registry.protocols if p.id.endswith("-inception-50k")]
    assert {p.dataset for p in found} == {"cifar10", "celeba-64", "stl10-48"}
    for entry in found:
        assert (entry.n_fake, entry.isc_splits) == (50_000, 10)
        assert (entry.kid_subsets, entry.kid_subset_size) == (100, 1_000)
        assert (entry.reference_split, entry.prc_samples) == ("train", 10_000)
    resolved = protocols.resolve(registry, "cifar10-inception-50k")
    assert resolved.tf32 is False
    assert (resolved.n_reference, resolved.layer_fid) == (50_000, "2048")
    assert resolved.layer_isc == "logits_unbiased"


def test_a_protocol_without_a_subset_keeps_the_key_of_earlier_records(registry: Registry) -> None:
    digits = protocols.resolve(registry, "digits-10k")
    assert "prc_samples" not in digits.model_dump(mode="json")
    mnist = protocols.resolve(registry, "mnist-10k")
    assert mnist.model_copy(update={"prc_samples": 5_000}).key != mnist.key


def test_recipes_of_another_data_set_hold_below_ones_own(registry: Registry) -> None:
    from bench.identity.spec import inherited_recipe

    for name in ("celeba-64", "stl10-48", "folder"):
        for variant in registry.variants:
            if variant.fits(name) and name not in variant.per_dataset:
                expected = inherited_recipe(registry, variant, "cifar10")
                assert inherited_recipe(registry, variant, name) == expected
