"""Rows that were loaded stand in a table by their distance, marked, and take part in no test."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from helpers import CLONE

from bench.identity.code import code_of_scoring
from bench.records.environment import environment, provenance
from bench.records.load_record import LoadedOn, LoadRecord, LoadSpec
from bench.records.record import LoadedSubject, ScoreRecord, now, to_json
from bench.records.run_directory import RunDirectory
from bench.report.board.evidence import changes
from bench.report.board.records import Found, find_records, read_loaded
from bench.report.board.results import results_csv
from bench.report.board.table import Leaderboard
from bench.report.card.write import card_texts
from bench.report.leaderboard.page import leaderboard_page
from bench.report.leaderboard.publish import published_files
from bench.report.leaderboard.write import board_of
from bench.run.found import found_runs
from bench.run.plan import planned_specs
from bench.sample.image_sets import score_hash
from catalog.errors import InvalidInput
from catalog.schema import Convention, Load, Registry, StatedConvention, Text

SUITE = "digits-quick"
RECORDS = CLONE / "reports" / SUITE / "records"
NAME = "somebody-elses"


@pytest.fixture(scope="module")
def committed() -> Found:
    return find_records(RECORDS)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, committed: Found) -> Path:
    """A runs directory with one loaded row, whose numbers are those of a committed score."""
    run = next(run for run in committed.runs if run.train.spec.variant == "dcgan")
    score = run.scores[0].record
    on = run.train.spec.dataset
    spec = LoadSpec(
        name=NAME,
        kind="onnx",
        sha256="ab" * 32,
        dataset=LoadedOn(
            id=on.id,
            fingerprint=on.fingerprint,
            resolution=on.resolution,
            channels=on.channels,
            n_classes=on.n_classes,
        ),
        convention=Convention(channels=1, resolution=16, noise_shape=(8,), range="0..1"),
    )
    record = LoadRecord(
        run_id=spec.run_id,
        load_hash=spec.load_hash,
        spec=spec,
        source="net|work.onnx",
        licence="CC-BY <4.0>",
        url="https://example.org/net",
        warnings=("a doubt",),
        said=("a thing that was found",),
        n_parameters=123,
        created_at=now(),
        environment=environment(torch.device("cpu")),
        provenance=provenance("2" * 64, "3" * 64),
    )
    runs = tmp_path_factory.mktemp("loaded")
    directory = RunDirectory(runs / spec.run_id)
    directory.path.mkdir()
    directory.load_json.write_text(to_json(record))
    (directory.path / "source.txt").write_text("/home/somebody/network.onnx\n")
    directory.write_score(of(record, score))
    return runs


def of(record: LoadRecord, score: ScoreRecord) -> ScoreRecord:
    """A score as it would be of a loaded row."""
    subject = LoadedSubject(run_id=record.run_id, name=NAME, load_hash=record.load_hash)
    hashed = score_hash(subject, score.protocol)
    code = code_of_scoring(score.protocol.extractor)
    changes = {"subject": subject, "score_hash": hashed, "provenance": provenance("2" * 64, code)}
    return score.model_copy(update=changes)


@pytest.fixture(scope="module")
def tables(registry: Registry, committed: Found, loaded: Path) -> tuple[Leaderboard, Leaderboard]:
    """The committed table without and with the loaded row."""
    suite = registry.suite(SUITE)
    planned = planned_specs(registry, suite)
    [path] = loaded.iterdir()
    row = read_loaded(path)
    assert row is not None
    both = replace(committed, loaded=(row,))
    return board_of(suite, planned, committed, registry), board_of(suite, planned, both, registry)


def test_it_has_a_place_and_changes_nothing_else(tables: tuple[Leaderboard, Leaderboard]) -> None:
    without, board = tables
    assert board.rows == without.rows
    assert board.ranked == without.ranked
    assert board.descents == without.descents
    [one] = board.loaded
    assert (one.row.rank, one.row.runs, one.row.kind) == (None, (), "loaded")
    assert one.row.baseline is not None
    assert one.row.baseline.verdict in ("lower", "higher")  # never "better": it is one number
    names = [row.key.name for row in board.by_distance]
    assert abs(names.index(NAME) - names.index("dcgan")) == 1
    assert [name for name in names if name != NAME] == [row.key.name for row in board.rows]


def test_scores_of_other_code_are_told(tables: tuple[Leaderboard, Leaderboard]) -> None:
    board = tables[1]
    [one] = board.loaded
    [score] = one.row.scores
    assert score.record.provenance is not None
    other = score.record.provenance.model_copy(update={"definitions_sha256": "0" * 64})
    older = replace(score, record=score.record.model_copy(update={"provenance": other}))
    changed = replace(one, row=replace(one.row, scores=(older,)))
    told = {one.kind: one.what for one in changes(replace(board, loaded=(changed,)))}
    assert NAME in told["scoring"]
    assert all(NAME not in one.what for one in changes(board))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_page_marks_it_with_source_and_licence(
    language: str, tables: tuple[Leaderboard, Leaderboard], registry: Registry
) -> None:
    page = leaderboard_page(tables[1], registry, language)  # type: ignore[arg-type]
    mark = {"en": "loaded", "zh": "载入"}[language]
    [row] = [line for line in page.splitlines() if line.startswith(f"| {mark} ")]
    assert f"[{NAME}]" in row
    assert f"[{NAME}]: https://example.org/net" in page
    assert "CC-BY" in page
    assert "<4.0>" not in page  # a licence is no mark-up
    assert "noise normal, noise_shape 8, range 0..1" in page
    assert f"## {'Loaded, not trained here' if language == 'en' else '载入的模型与样本'}" in page
    assert "a doubt" in page
    assert "/home/" not in page
    assert mark not in leaderboard_page(tables[0], registry, language)  # type: ignore[arg-type]


def test_machines_read_it_as_loaded(tables: tuple[Leaderboard, Leaderboard]) -> None:
    rows = list(csv.DictReader(io.StringIO(results_csv(tables[1]))))
    [row] = [row for row in rows if row["variant"] == NAME]
    assert (row["kind"], row["status"], row["n_train_seeds"], row["seeds"]) == (
        "loaded",
        "loaded",
        "0",
        "",
    )
    assert row["rank_low"] == ""
    assert "sha256 " + "ab" * 32 in row["reason"]
    assert row["parameters_sampling"] == "123"


def test_a_report_publishes_records_and_never_the_file(
    tables: tuple[Leaderboard, Leaderboard],
) -> None:
    published = {path.as_posix() for path, _ in published_files(tables[1])}
    mine = {path for path in published if path.startswith(NAME)}
    assert {Path(path).name for path in mine} >= {"load.json"}
    assert all(path.endswith(".json") for path in mine)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_card_says_whose_it_is_and_how_it_is_loaded(
    language: str, tables: tuple[Leaderboard, Leaderboard], registry: Registry, tmp_path: Path
) -> None:
    load = Load(
        id=NAME,
        name=Text(en="Somebody else's", zh="别人的"),
        paper="dcgan-paper",
        source="network.onnx",
        sha256="ab" * 32,
        url="https://example.org/net",
        licence="CC-BY <4.0>",
        dataset="digits",
        convention=StatedConvention(range="0..1"),
    )
    known = registry.model_copy(update={"loads": (load,)})
    boards = {SUITE: tables[1]}
    [(file, page)] = card_texts(NAME, known, boards, tmp_path, (language,)).items()  # type: ignore[arg-type]
    assert file.parent.name == "cards"
    assert f"aigc bench load {NAME}" in page
    assert "https://example.org/net" in page
    assert "range 0..1" in page
    assert "<4.0>" not in page
    assert f"(../{SUITE}/leaderboard" in page  # the row of its very file
    other = load.model_copy(update={"sha256": "cd" * 32})
    changed = registry.model_copy(update={"loads": (other,)})
    [page] = card_texts(NAME, changed, boards, tmp_path, (language,)).values()  # type: ignore[arg-type]
    assert f"(../{SUITE}/leaderboard" not in page


def test_status_tells_of_it_without_torch_or_registry(loaded: Path) -> None:
    [run] = found_runs(loaded)
    assert (run.variant, run.dataset, run.state) == (NAME, "digits", "loaded")
    assert run.seed is run.steps is None
    assert run.scored


def forged_score(directory: RunDirectory) -> None:
    [path] = directory.score_files()
    data = json.loads(path.read_text())
    data["subject"]["load_hash"] = "0" * 64
    path.write_text(json.dumps(data))


def trained_score(directory: RunDirectory) -> None:
    [path] = directory.score_files()
    other = next(RECORDS.glob("dcgan-*/scores/*.json"))
    path.write_text(other.read_text())


@pytest.mark.parametrize("forge", [forged_score, trained_score])
def test_a_score_of_something_else_is_refused(
    forge: Callable[[RunDirectory], None], loaded: Path, tmp_path: Path
) -> None:
    import shutil

    [path] = loaded.iterdir()
    copy = tmp_path / path.name
    shutil.copytree(path, copy)
    forge(RunDirectory(copy))
    with pytest.raises(InvalidInput, match="does not belong to"):
        find_records(tmp_path)
