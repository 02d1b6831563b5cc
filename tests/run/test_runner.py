"""Suites carried out by real processes: what they leave, and what survives which accident."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from benches import FAULTY, SAVED, Bench, process_at, waiting
from helpers import (
    STEPS,
    environment_of,
    files_below,
    start_aigc,
    tiny_variant,
    wait_until,
)
from typer.testing import CliRunner

from bench.cli.main import app
from bench.identity.code import code_of_training
from bench.identity.digest import sha256_of_file
from bench.machine.process import is_alive
from bench.records.files import walk
from bench.records.lease import read_sign
from bench.records.run_directory import CALIBRATION, RunDirectory, exclusive
from bench.run.events import Event, JobEnded, JobStarted, PhaseStarted, Scored, TrainProgress
from bench.watch.job_state import CommandState, planned_job_state
from catalog.errors import MissingPrerequisite
from catalog.read.loader import registry_sha256

GAN = {"algorithm": "bench.models.gan:GAN", "ema_decay": 0.9}


def at_work(bench: Bench) -> bool:
    """Whether a living process says that it works on the waiting model."""
    sign = read_sign(bench.directory("waiting").path)
    return sign is not None and bool(is_alive(sign.process))


def kill_at(gate: Path) -> threading.Thread:
    """Kills whatever comes to the gate; to be joined."""
    thread = threading.Thread(target=lambda: os.kill(process_at(gate), signal.SIGKILL))
    thread.start()
    return thread


def test_a_suite_leaves_records_scores_grids_and_curves(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(tiny_variant("vae"), tiny_variant("gan", **GAN))
    events: list[Event] = []
    outcome = bench.run(events.append, n_slots=2)

    assert [(end.job, end.status) for end in sorted(outcome.ended, key=lambda e: e.job)] == [
        ("calibration", "success"),
        ("gan s0", "success"),
        ("vae s0", "success"),
    ]
    assert outcome.failures == []
    check_events(events)
    check_run(bench, "vae", {"prior", "gmm-10", "reconstruction"}, n_scores=3)
    check_run(bench, "gan", {"prior", "prior-raw"}, n_scores=2)
    assert [path.suffix for path in sorted((bench.runs / "calibration").glob("mean*"))] == [
        ".json",
        ".png",
    ]

    before = files_below(bench.runs)
    again: list[Event] = []
    assert bench.run(again.append).ended == ()
    assert again == []
    assert files_below(bench.runs) == before
    assert {job.state for job in bench.plan().jobs} == {"done"}


def check_events(events: list[Event]) -> None:
    of_vae = [event for event in events if event.job == "vae s0"]
    assert of_vae[0] == JobStarted("vae s0")
    last = of_vae[-1]
    assert isinstance(last, JobEnded)
    assert (last.status, last.hint) == ("success", "")
    assert last.message.startswith("suspected mode-collapse of prior: recall is 0.0")  # 20 steps
    phases = [event.phase for event in of_vae if isinstance(event, PhaseStarted)]
    assert phases == ["data", "model", "train", "sample", "score"]
    steps = [event.step for event in of_vae if isinstance(event, TrainProgress)]
    assert steps == list(range(1, STEPS + 1))
    scored = [event for event in of_vae if isinstance(event, Scored)]
    assert [event.what for event in scored] == ["prior", "gmm-10", "reconstruction"]
    assert all(event.distance is not None and event.distance > 0 for event in scored)


def check_run(bench: Bench, name: str, grids: set[str], n_scores: int) -> None:
    directory, record = bench.directory(name), bench.record(name)
    assert record.status == "success"
    assert record.comparable
    assert record.error is None
    assert [phase.name for phase in record.phases] == ["data", "model", "train", "sample", "score"]
    assert record.cost is not None
    assert record.cost.images_seen == STEPS * 16
    assert record.cost.peak_memory_bytes > 0
    assert record.parameters is not None
    assert 0 < record.parameters.sampling < record.parameters.total
    assert record.provenance.registry_sha256 == registry_sha256(bench.file)
    assert {path.stem.removeprefix("grid-") for path in directory.path.glob("grid-*.png")} == grids
    curve = directory.curve.read_text().splitlines()
    assert len(curve) == 1 + STEPS
    assert curve[0].startswith("step,")
    for described in record.artifacts:
        file = directory.path / described.path
        assert sha256_of_file(file) == described.sha256
        assert file.stat().st_size == described.n_bytes
    scores = directory.score_records()
    assert len(scores) == n_scores
    assert {score.protocol_key for score in scores} == {bench.plan().protocol.key}
    assert {score.subject.train_hash for score in scores} == {record.train_hash}
    assert all(score.comparable for score in scores)
    assert not directory.checkpoint.exists()
    for folder in (directory.path, bench.runs / "calibration"):
        assert [path.name for path, kind in walk(folder) if kind is None] == []


def test_a_killed_job_is_resumed_and_ends_as_if_nothing_had_happened(
    bench_of: Callable[..., Bench], gate: Path
) -> None:
    bench = bench_of(waiting(gate), tiny_variant("other"))
    killer = kill_at(gate)
    outcome = bench.run()
    killer.join()

    record = bench.record("waiting")
    assert (record.status, record.error and record.error.type) == ("error", "Killed")
    assert record.error is not None
    assert record.error.phase == "train"
    assert "SIGKILL" in record.error.message
    assert outcome.failures == [f"waiting s0: Killed: {record.error.message}"]
    assert bench.record("other").status == "success"
    assert bench.why("waiting") == ("resume", f"killed, {SAVED} of {STEPS} steps done")
    status = next(map(planned_job_state, bench.plan().in_state("resume")))
    assert (status.life, status.resumes_from) == ("dead", SAVED)
    assert status.now is not None
    assert (status.now.phase, status.now.n_steps) == ("train", STEPS)
    draft = bench.directory("waiting").path / f".checkpoint.pt-{'0' * 32}"
    draft.touch()
    other, *_ = bench.plan().in_state("done")
    assert outcome.results == (other.directory,)

    gate.unlink()
    events: list[Event] = []
    resumption = bench.run(events.append)
    assert resumption.failures == []
    assert resumption.results == tuple(sorted(job.directory for job in bench.plan().jobs))
    assert not draft.exists()
    assert read_sign(draft.parent) is None
    steps = [event.step for event in events if isinstance(event, TrainProgress)]
    assert steps == list(range(SAVED + 1, STEPS + 1))
    resumed = bench.record("waiting")
    assert resumed.status == "success"
    assert resumed.error is None
    assert resumed.created_at == record.created_at
    assert {p.name: p.resumed_from_step for p in resumed.phases}["train"] == SAVED
    assert resumed.cost is not None
    assert resumed.cost.images_seen == STEPS * 16
    assert bench.weights("waiting") == undisturbed(bench)


def undisturbed(bench: Bench) -> str:
    """Weights of the waiting model when nothing keeps it waiting."""
    calm = Bench(bench.file, bench.runs.with_name("calm"))
    assert calm.run(narrowing={"variants": ("waiting",)}).failures == []
    train = next(phase for phase in calm.record("waiting").phases if phase.name == "train")
    assert train.resumed_from_step is None
    return calm.weights("waiting")


@pytest.mark.parametrize(
    ("fault", "kind", "message"),
    [
        ("exit", "Crashed", "the process ended with exit code 3 and no result"),
        ("segfault", "Crashed", "the process was killed by SIGSEGV"),
        ("raise", "RuntimeError", "the model is broken"),
    ],
)
def test_a_crash_costs_its_own_job_only(
    bench_of: Callable[..., Bench], fault: str, kind: str, message: str
) -> None:
    bench = bench_of(tiny_variant("faulty", FAULTY, fault=fault), tiny_variant("other"))
    outcome = bench.run()
    record = bench.record("faulty")
    assert record.status == "error"
    assert record.error is not None
    assert (record.error.phase, record.error.type) == ("train", kind)
    said, _, seen = record.error.message.partition(", last seen with ")
    assert said == message
    assert seen == "" or seen.endswith("MB of memory")
    assert outcome.failures == [f"faulty s0: {kind}: {record.error.message}"]
    assert bench.record("other").status == "success"
    assert bench.why("faulty") == ("failed", f"train: {record.error.message}")
    if kind == "RuntimeError":
        assert "faulty_models.py" in str(record.error.traceback)


def test_a_divergence_is_recorded_and_tried_again_only_when_asked(
    bench_of: Callable[..., Bench],
) -> None:
    wild = tiny_variant("wild", optimizer={"lr": 1.0e6}, likelihood="unit-gaussian")
    bench = bench_of(wild, tiny_variant("other"))
    outcome = bench.run()
    record = bench.record("wild")
    assert record.error is not None
    assert (record.error.phase, record.error.type) == ("train", "Diverged")
    assert record.health.diverged_at_step is not None
    assert 1 <= record.health.diverged_at_step <= STEPS
    assert f"-fold after step {record.health.diverged_at_step}" in record.error.message
    assert "the weights have grown" in record.error.message
    assert len(outcome.failures) == 1
    assert bench.record("other").status == "success"
    assert not bench.directory("wild").weights.exists()

    again = bench.run()
    assert again.ended == ()
    assert [job.spec.variant for job in again.still_failed] == ["wild"]
    assert again.failures == [f"wild s0: train: {record.error.message}"]

    retried = bench.run(retry_failed=True)
    assert [(end.job, end.status) for end in retried.ended] == [("wild s0", "error")]
    assert retried.still_failed == ()
    assert len(retried.failures) == 1


def test_a_failure_can_be_overcome_by_trying_again(
    bench_of: Callable[..., Bench], tmp_path: Path, gate: Path
) -> None:
    bench = bench_of(waiting(gate), tiny_variant("other"))
    assert bench.run(narrowing={"variants": ("other",)}).failures == []  # in its own time
    outcome = bench.run(timeout_s=5.0)
    record = bench.record("waiting")
    assert record.error is not None
    assert (record.error.phase, record.error.type) == ("train", "Timeout")
    assert record.error.message == "took longer than 5 s"
    assert outcome.failures == ["waiting s0: Timeout: took longer than 5 s"]
    assert bench.why("waiting") == ("failed", "train: took longer than 5 s")
    gate.unlink()
    assert [job.spec.variant for job in bench.run().still_failed] == ["waiting"]
    assert bench.run(retry_failed=True).failures == []
    assert bench.record("waiting").error is None
    assert {p.name: p.resumed_from_step for p in bench.record("waiting").phases}["train"] == SAVED


def test_another_protocol_scores_the_same_weights_again(bench_of: Callable[..., Bench]) -> None:
    variant = tiny_variant("vae")
    bench = bench_of(variant)
    assert bench.run().failures == []
    weights, first = bench.weights("vae"), bench.record("vae")
    bench_of(variant, n_fake=70)
    assert bench.why("vae")[0] == "rescore"
    events: list[Event] = []
    assert bench.run(events.append).failures == []
    assert not [event for event in events if isinstance(event, TrainProgress)]
    assert len([event for event in events if isinstance(event, Scored)]) == 4
    assert bench.weights("vae") == weights
    scores = bench.directory("vae").score_records()
    assert sorted(score.protocol.n_fake for score in scores) == [60] * 3 + [70] * 3
    second = bench.record("vae")
    for name in ("cost", "parameters", "artifacts", "environment", "created_at"):
        assert getattr(second, name) == getattr(first, name), name
    assert second.health.last_losses == first.health.last_losses
    assert second.provenance == first.provenance


def test_a_run_without_weights_is_trained_again_only_when_it_has_to(
    bench_of: Callable[..., Bench],
) -> None:
    variant = tiny_variant("vae")
    bench = bench_of(variant)
    assert bench.run().failures == []
    weights = bench.weights("vae")
    for file in bench.directory("vae").path.glob("*.safetensors"):
        file.unlink()
    assert bench.why("vae")[0] == "done"
    assert bench.run().ended == ()
    bench_of(variant, n_fake=70)
    assert bench.why("vae")[1].startswith("weights were pruned: trains again")
    assert bench.run().failures == []
    assert bench.weights("vae") == weights
    assert bench.why("vae")[0] == "done"


def test_a_limited_score_keeps_the_training_comparable(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(tiny_variant("vae"))
    assert bench.run().failures == []
    assert bench.run(narrowing={"limit": 50}).failures == []
    comparable = {s.protocol.n_fake: s.comparable for s in bench.directory("vae").score_records()}
    assert comparable == {60: True, 50: False}
    assert bench.record("vae").comparable


def test_a_limited_run_becomes_comparable_by_its_full_score(
    bench_of: Callable[..., Bench],
) -> None:
    bench = bench_of(tiny_variant("vae"))
    assert bench.run(narrowing={"limit": 50}).failures == []
    limited = bench.record("vae")
    assert not limited.comparable
    assert limited.not_comparable_because == ("--limit 50",)
    assert bench.run().failures == []
    assert bench.record("vae").comparable


def test_seeds_give_different_weights_and_the_same_seed_the_same(
    bench_of: Callable[..., Bench],
) -> None:
    bench = bench_of(tiny_variant("vae"), tiny_variant("twin"))
    assert bench.run(narrowing={"seeds": (0, 1)}, n_slots=2).failures == []
    hashes = {
        path.parent.name.rpartition("-")[0]: sha256_of_file(path)
        for path in bench.runs.glob("*/weights.safetensors")
    }
    assert hashes["vae-digits-s0"] == hashes["twin-digits-s0"]
    assert hashes["vae-digits-s1"] == hashes["twin-digits-s1"]
    assert hashes["vae-digits-s0"] != hashes["vae-digits-s1"]


def test_two_writers_in_one_directory_are_refused(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(tiny_variant("vae"))
    with exclusive(bench.runs), pytest.raises(MissingPrerequisite, match="another process"):
        bench.run()
    assert [path.name for path in bench.runs.iterdir()] == [".lock"]


def test_an_interrupted_command_saves_and_the_same_command_goes_on(
    bench_of: Callable[..., Bench], tmp_path: Path, gate: Path
) -> None:
    bench = bench_of(waiting(gate), tiny_variant("other"))
    command = ["bench", "run", "tiny", "--registry", bench.file, "-o", "runs", "--jobs", "1"]
    env = environment_of(tmp_path / "plugin")
    process = start_aigc(*command, "--json", cwd=tmp_path, env=env)
    process_at(gate, process)
    assert at_work(bench)
    status = ["bench", "status", "tiny", "--registry", str(bench.file), "-o", str(bench.runs)]
    running = CliRunner().invoke(app, status)
    assert running.stdout.splitlines()[1].split("\t")[3] == "running"
    assert f"'aigc bench run tiny' (process {process.pid}, since " in running.stderr
    assert running.stderr.endswith("is at work\n")

    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "the same command goes on from here" in stderr
    assert '"event": "done", "exit_code": 130' in stdout.splitlines()[-1]
    stopped = bench.record("waiting")
    assert (stopped.status, stopped.error) == ("cancelled", None)
    assert (stopped.phases[-1].name, stopped.phases[-1].status) == ("train", "cancelled")
    state, why = bench.why("waiting")
    assert state == "resume"
    assert why.startswith("stopped, ")
    assert bench.why("other") == ("new", "no record")

    gate.unlink()
    assert bench.run().failures == []
    assert bench.record("waiting").status == "success"
    train = next(phase for phase in bench.record("waiting").phases if phase.name == "train")
    assert train.resumed_from_step == SAVED + 1  # it stopped before the update after the signal
    assert bench.weights("waiting") == undisturbed(bench)


def test_a_command_that_is_ended_in_its_calibration_ends_and_goes_on(
    bench_of: Callable[..., Bench], tmp_path: Path
) -> None:
    bench = bench_of(tiny_variant("vae"))
    command = ["bench", "run", "tiny", "--registry", bench.file, "-o", "runs", "--jobs", "1"]
    with exclusive(bench.runs / CALIBRATION):  # so the calibration waits for its directory
        env = environment_of(tmp_path / "plugin")
        process = start_aigc(*command, "--json", cwd=tmp_path, env=env)
        assert process.stdout is not None
        assert any("JobStarted" in line for line in iter(process.stdout.readline, ""))
        process.terminate()
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    said = "interrupted: state is saved; the same command goes on from here"
    assert stderr.splitlines()[-1] == said  # no warning of what a killed process left behind
    assert '"event": "done", "exit_code": 130' in stdout.splitlines()[-1]
    assert bench.plan().calibration == ("mean-image",)
    assert bench.why("vae") == ("new", "no record")


def test_a_job_whose_command_was_killed_stops_by_itself(
    bench_of: Callable[..., Bench], tmp_path: Path, gate: Path
) -> None:
    bench = bench_of(waiting(gate))
    process = start_aigc(
        "bench", "run", "tiny", "--registry", bench.file, "-o", "runs",
        cwd=tmp_path, env=environment_of(tmp_path / "plugin"),
    )  # fmt: skip
    process_at(gate, process)
    process.kill()
    process.wait()
    assert at_work(bench)  # the orphan is still there
    assert CommandState.of(bench.runs).life == "dead"
    gate.unlink()
    wait_until(lambda: not at_work(bench), "the orphan to stop")
    wait_until(lambda: bench.record("waiting").status == "cancelled", "the orphan's last word")
    assert bench.why("waiting")[0] == "resume"

    assert bench.run().failures == []
    assert CommandState.of(bench.runs).life == "none"
    train = next(phase for phase in bench.record("waiting").phases if phase.name == "train")
    assert train.resumed_from_step is not None
    assert SAVED <= train.resumed_from_step < STEPS
    assert bench.weights("waiting") == undisturbed(bench)


def test_a_training_in_bfloat16_is_kept_apart_and_says_so(bench_of: Callable[..., Bench]) -> None:
    bench = bench_of(tiny_variant("vae"))
    assert bench.run().failures == []
    usual = bench.record("vae")
    narrowing = {"precision": "bf16"}
    assert bench.run(narrowing=narrowing).failures == []
    (job,) = bench.plan(**narrowing).jobs
    assert (job.state, job.directory == bench.directory("vae").path) == ("done", False)
    coarse = RunDirectory(job.directory).train_record()
    assert coarse is not None
    assert (usual.spec.precision, coarse.spec.precision) == ("fp32", "bf16")
    assert coarse.not_comparable_because == ("--precision bf16 instead of fp32",)
    codes = [
        code_of_training(usual.spec.algorithm, usual.spec.recipe, loop)
        for loop in ("plain", "tuned")
    ]
    assert [r.provenance.definitions_sha256 for r in (usual, coarse)] == codes
    weights = [sha256_of_file(RunDirectory(bench.runs / r.run_id).weights) for r in (usual, coarse)]
    assert weights[0] != weights[1]
    assert bench.record("vae") == usual
