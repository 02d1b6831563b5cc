"""Fine-tuning: what a training takes over, where from, and that it is another training."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from benches import Bench
from helpers import Aigc, tiny_registry, tiny_variant

from bench.data import load_dataset
from bench.identity.code import code_of_spec
from bench.identity.local_registry import pinned_registry
from bench.identity.spec import Start, TrainSpec
from bench.models.build import build_from_spec, load_variant
from bench.records.record import TrainRecord
from bench.records.run_directory import RunDirectory
from bench.records.weight_files import RecordedWeights
from bench.run.own_settings import Setting, combinations
from bench.run.plan import Narrowing, Plan, make_plan, planned_specs
from bench.run.starting_point import StartingPoint
from bench.run.trainee import Trainee
from bench.train.fine_tuning import take_over
from catalog.errors import InvalidInput, InvalidRegistry, MissingPrerequisite
from catalog.read.loader import load_registry

GAN = "bench.models.gan:GAN"


def tuned_from(variant: str, name: str = "tuned", **fields: Any) -> Any:
    """A registry entry that goes on from a row of the suite ``tiny``."""
    entry = tiny_variant(name, **fields)
    return {**entry, "parent": variant, "start_from": {"suite": "tiny", "variant": variant}}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A registry whose first row is trained and whose second one goes on from it."""
    folder = tmp_path_factory.mktemp("starts")
    entries = [tiny_variant("one"), tuned_from("one", optimizer={"lr": 0.01})]
    bench = Bench(tiny_registry(folder / "registry.yaml", entries, steps=4), folder / "runs")
    assert not bench.run(narrowing={"variants": ("one",)}).failures
    assert not bench.run(narrowing={"variants": ("tuned",)}).failures
    return bench


def spec_of(bench: Bench, name: str) -> TrainSpec:
    return next(job.spec for job in bench.plan().jobs if job.spec.variant == name)


def record_of(bench: Bench, name: str) -> TrainRecord:
    record = RunDirectory(bench.runs / spec_of(bench, name).run_id).train_record()
    assert record is not None
    return record


def test_what_fits_comes_over_and_the_rest_stays_as_it_was_drawn() -> None:
    torch.manual_seed(0)
    old = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 2))
    new = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Linear(4, 5))
    old(torch.randn(8, 3))  # moves the running statistics
    drawn = {name: tensor.clone() for name, tensor in new.state_dict().items()}
    taken = take_over(new, old.state_dict())
    for name, tensor in new.state_dict().items():
        source = drawn if name.startswith("2.") else old.state_dict()
        assert torch.equal(tensor, source[name]), name
    assert taken == (12 + 4 + 4 + 4, 20 + 5)


def test_shared_weights_are_counted_once() -> None:
    model = torch.nn.Module()
    model.a = model.b = torch.nn.Linear(3, 2, bias=False)
    assert take_over(model, {"a.weight": torch.ones(2, 3)}) == (6, 0)
    assert torch.equal(model.b.weight, torch.ones(2, 3))


def test_nothing_in_common_is_refused() -> None:
    with pytest.raises(InvalidInput, match="nothing to go on from"):
        take_over(torch.nn.Linear(3, 2), {"weight": torch.zeros(2, 4), "other": torch.zeros(2)})
    half = {"weight": torch.zeros(2, 3, dtype=torch.float16)}
    with pytest.raises(InvalidInput, match="nothing to go on from"):
        take_over(torch.nn.Linear(3, 2), half)


def test_a_spec_without_a_start_is_written_and_hashed_as_before(finished: Bench) -> None:
    plain, tuned = spec_of(finished, "one"), spec_of(finished, "tuned")
    assert "start" not in plain.model_dump(mode="json")
    assert TrainSpec.model_validate_json(tuned.model_dump_json()) == tuned
    assert tuned.start == Start(run_id=plain.run_id, train_hash=plain.train_hash)
    alone = tuned.model_copy(update={"start": None})
    renamed = tuned.model_copy(update={"start": Start(run_id="x", train_hash=plain.train_hash)})
    other = tuned.model_copy(update={"start": Start(run_id="x", train_hash="0" * 64)})
    assert len({plain.train_hash, alone.train_hash, tuned.train_hash, other.train_hash}) == 4
    assert renamed.train_hash == tuned.train_hash
    assert code_of_spec(tuned) != code_of_spec(alone)


def test_the_record_tells_what_was_taken_over(finished: Bench) -> None:
    one, tuned = record_of(finished, "one"), record_of(finished, "tuned")
    (weights,) = (a for a in one.artifacts if a.path == "weights.safetensors")
    assert one.taken_over is None
    assert tuned.taken_over is not None
    assert tuned.parameters is not None
    assert tuned.taken_over.weights_sha256 == weights.sha256
    assert (tuned.taken_over.n_taken, tuned.taken_over.n_fresh) == (tuned.parameters.total, 0)
    assert tuned.comparable


def test_a_fine_tuning_begins_where_the_earlier_training_ended(finished: Bench) -> None:
    """Without learning, the weights at the end are those of the earlier run, not freshly drawn."""
    folder = finished.file.parent / "still"
    entries = [tiny_variant("one"), tuned_from("one", optimizer={"lr": 1e-30})]
    bench = Bench(tiny_registry(folder / "registry.yaml", entries, steps=4), finished.runs)
    assert not bench.run(narrowing={"variants": ("tuned",)}).failures
    one, still = spec_of(bench, "one"), spec_of(bench, "tuned")
    before = weights(bench.runs / one.run_id)
    after = weights(bench.runs / still.run_id)
    fresh = build_from_spec(still).state_dict()
    learned = [name for name in before if "running" not in name and "num_batches" not in name]
    assert all(torch.allclose(before[name], after[name], atol=1e-12) for name in learned)
    assert any(not torch.allclose(fresh[name], after[name], atol=1e-4) for name in learned)


def weights(directory: Path) -> dict[str, torch.Tensor]:
    run = RunDirectory(directory)
    record = run.train_record()
    assert record is not None
    return RecordedWeights(run, record).tensors(run.weights)


def test_verify_trains_a_fine_tuning_again(finished: Bench, aigc: Aigc) -> None:
    arguments = ["bench", "verify", str(finished.runs), "tuned", "--retrain", "--device", "cpu"]
    shown = aigc(*arguments, "--registry", str(finished.file))
    assert shown.code == 0, shown.stdout + shown.stderr


def test_verify_does_not_train_again_what_began_with_a_run_that_is_gone(
    finished: Bench, tmp_path: Path, aigc: Aigc
) -> None:
    tuned = spec_of(finished, "tuned").run_id
    shutil.copytree(finished.runs / tuned, tmp_path / "alone" / tuned)
    arguments = ["bench", "verify", str(tmp_path / "alone"), "tuned", "--retrain"]
    shown = aigc(*arguments, "--device", "cpu", "--registry", str(finished.file))
    assert shown.code != 0
    assert "are not here" in shown.stdout + shown.stderr
    assert "bug" not in shown.stderr


def test_a_start_that_is_gone_is_told_before_anything_runs(finished: Bench, tmp_path: Path) -> None:
    bench = Bench(finished.file, tmp_path / "empty")
    (job,) = bench.plan(variants=("tuned",)).jobs
    assert job.state == "new"
    assert job.why.endswith("whose weights are not here")
    with pytest.raises(MissingPrerequisite, match="goes on from"):
        bench.run(narrowing={"variants": ("tuned",)})
    assert not (bench.runs / job.spec.run_id).exists()


def test_another_run_in_the_place_of_the_start_is_refused(finished: Bench, tmp_path: Path) -> None:
    one, tuned = spec_of(finished, "one").run_id, spec_of(finished, "tuned").run_id
    runs = tmp_path / "runs"
    shutil.copytree(finished.runs / tuned, runs / one)
    with pytest.raises(InvalidInput, match="another run lies there"):
        Bench(finished.file, runs).run(narrowing={"variants": ("tuned",)})


def test_a_start_of_which_nothing_fits_is_told_before_anything_runs(
    finished: Bench, tmp_path: Path
) -> None:
    start = StartingPoint.at(finished.runs / spec_of(finished, "one").run_id)
    file = tiny_registry(tmp_path / "registry.yaml", [tiny_variant("gan", GAN)], steps=4)
    bench = Bench(file, tmp_path / "runs")
    with pytest.raises(InvalidInput, match="nothing to go on from"):
        bench.run(narrowing={"start": start})
    assert not list(bench.runs.glob("gan*"))


def test_a_command_may_name_the_start_and_the_row_says_so(finished: Bench) -> None:
    directory = finished.runs / spec_of(finished, "one").run_id
    start = StartingPoint.at(directory)
    (job,) = finished.plan(variants=("tuned",), seeds=(3,), start=start).jobs
    short = start.start.train_hash[:8]
    assert job.spec.variant == f"tuned.from-digits-{short}"
    assert job.spec.start == start.start
    assert job.start == directory
    earlier, own = spec_of(finished, "one").recipe, spec_of(finished, "tuned").recipe
    assert own["optimizer"] != earlier["optimizer"]
    assert job.spec.recipe == {**earlier, "optimizer": own["optimizer"]}  # what makes it what it is
    (own,) = combinations([Setting("optimizer", {"lr": 0.5})], [])
    (job,) = finished.plan(variants=("tuned",), start=start, settings=(own,)).jobs
    assert job.spec.recipe["optimizer"] == {**job.spec.recipe["optimizer"], "lr": 0.5}
    assert job.spec.variant.startswith(f"tuned.from-digits-{short}.optimizer-")
    plan = finished.plan(start=start)
    assert plan.not_comparable_because == (f"--start-from {start.start.run_id}",)


def test_a_folder_without_a_finished_run_is_no_start(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no finished run"):
        StartingPoint.at(tmp_path)


def test_a_report_finds_a_fine_tuned_row_without_the_weights_it_began_with(
    finished: Bench, tmp_path: Path, aigc: Aigc
) -> None:
    runs, tuned = tmp_path / "runs", spec_of(finished, "tuned").run_id
    shutil.copytree(finished.runs / tuned, runs / tuned)
    where = ["--registry", str(finished.file), "-o", str(tmp_path / "reports")]
    shown = aigc("report", "leaderboard", "tiny", "--runs", str(runs), *where)
    assert shown.code == 0, shown.stderr
    page = (tmp_path / "reports" / "tiny" / "leaderboard.md").read_text(encoding="utf-8")
    assert "[tuned]" in page
    assert "stale" not in page


@pytest.mark.parametrize(
    ("start", "said"),
    [
        ({"suite": "tiny", "variant": "gone"}, "gone"),
        ({"suite": "tinny", "variant": "one"}, "tiny"),
        ({"suite": "tiny", "variant": "tuned"}, "goes on from another training itself"),
    ],
)
def test_the_registry_names_a_start_that_is_trained(
    start: dict[str, str], said: str, tmp_path: Path
) -> None:
    third = {**tiny_variant("third"), "parent": "one", "start_from": start}
    file = tiny_registry(tmp_path / "r.yaml", [tiny_variant("one"), tuned_from("one"), third])
    with pytest.raises(InvalidRegistry) as refused:
        load_registry(file)
    (problem,) = refused.value.problems
    assert said in problem


def test_planning_a_fine_tuning_needs_no_weights(finished: Bench) -> None:
    registry = load_registry(finished.file)
    specs = planned_specs(registry, registry.suite("tiny"), Narrowing(seeds=(0, 7)))
    by_seed = {(spec.variant, spec.seed): spec for spec in specs}
    for seed in (0, 7):
        start = by_seed["tuned", seed].start
        assert start is not None
        assert start.train_hash == by_seed["one", seed].train_hash
    plan: Plan = make_plan(registry, registry.suite("tiny"), finished.runs)
    assert [job.state for job in plan.jobs] == ["done", "done"]


def test_a_loaded_state_dict_is_a_start_and_lends_the_networks_that_it_has(
    tmp_path: Path, aigc: Aigc
) -> None:
    """A foreign generator comes over whole; the critic, of which it knows nothing, is fresh."""
    theirs = load_variant("dcgan", "digits", seed=5, device="cpu").state_dict()
    generator = {name: theirs[name] for name in theirs if name.startswith("generator.")}
    torch.save({"netG": generator}, tmp_path / "theirs.pth")
    named = ["--as", "theirs", "--dataset", "digits", "--variant", "dcgan", "--limit", "60"]
    shown = aigc("bench", "load", tmp_path / "theirs.pth", *named, "-o", tmp_path / "runs")
    assert shown.code == 0, shown.stderr

    registry, start = pinned_registry(), StartingPoint.at(Path(shown.stdout.split()[-1]))
    narrowing = Narrowing(variants=("lsgan",), seeds=(0,), steps=2, start=start)
    (spec,) = planned_specs(registry, registry.suite("digits"), narrowing)
    assert spec.recipe["loss"] == "least-squares"  # it stays what it is
    data = load_dataset(registry.dataset("digits"))
    trainee = Trainee(spec, data, torch.device("cpu"), start=start.directory)
    ours = trainee.model.state_dict()
    assert all(torch.equal(ours[name], generator[name]) for name in generator)
    n_taken = sum(
        parameter.numel()
        for name, parameter in trainee.model.named_parameters()
        if name.startswith("generator.")
    )
    total = sum(parameter.numel() for parameter in trainee.model.parameters())
    assert trainee.taken_over is not None
    assert (trainee.taken_over.n_taken, trainee.taken_over.n_fresh) == (n_taken, total - n_taken)
