"""The store: whole files or none, one writer at a time, records under their names."""

from __future__ import annotations

from pathlib import Path

import pytest
from benches import another_holder
from helpers import RECORDS, frozen

from bench.identity.digest import sha256_of_file
from bench.records.record import parse_score_record, parse_train_record
from bench.records.run_directory import RunDirectory, artifact, exclusive, read_score
from catalog.errors import InvalidInput, MissingPrerequisite
from catalog.files import atomic_file, write_atomically


@pytest.mark.parametrize("old", [None, "old"])
def test_a_failure_inside_the_block_leaves_what_was_there(tmp_path: Path, old: str | None) -> None:
    file = tmp_path / "deep" / "file.json"
    if old is not None:
        write_atomically(file, old)

    def fail_half_way() -> None:
        with atomic_file(file) as temporary:
            temporary.write_text("half of the new")
            raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        fail_half_way()
    assert (file.read_text() if file.exists() else None) == old
    assert [path.name for path in file.parent.iterdir()] == ([file.name] if old else [])


def test_a_reader_sees_the_old_file_until_the_block_is_over(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    write_atomically(file, "old")
    with atomic_file(file) as temporary:
        temporary.write_text("new")
        assert temporary.parent == file.parent  # a rename across file systems is not atomic
        assert file.read_text() == "old"
    assert file.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_a_failed_rename_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "file.txt"
    write_atomically(file, "old")

    def refuse(self: Path, target: Path) -> Path:
        raise PermissionError("not today")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", refuse)
        with pytest.raises(PermissionError):
            write_atomically(file, "new")
    assert file.read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_written_files_can_be_read_by_others(tmp_path: Path) -> None:
    write_atomically(tmp_path / "text", "täxt")
    write_atomically(tmp_path / "bytes", b"\x00\xff")
    assert (tmp_path / "text").read_text(encoding="utf-8") == "täxt"
    assert (tmp_path / "bytes").read_bytes() == b"\x00\xff"
    assert {oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()} == {"0o644"}


def test_a_second_process_is_refused_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    directory = tmp_path / "runs"
    with another_holder(directory) as holder:
        with pytest.raises(MissingPrerequisite) as refused, exclusive(directory):
            pytest.fail("two writers in one directory")
        assert refused.value.where == str(directory)
        assert "another process" in refused.value.what
        holder.kill()
        holder.wait()
        with exclusive(directory), pytest.raises(MissingPrerequisite), exclusive(directory):
            pytest.fail("two writers in one process")


def test_waiting_for_a_holder_that_leaves_ends_well(tmp_path: Path) -> None:
    with another_holder(tmp_path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        with exclusive(tmp_path, wait_s=60.0):
            assert holder.wait() == 0


def test_a_block_that_fails_lets_go(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path):
        _ = 1 / 0
    with exclusive(tmp_path):
        assert (tmp_path / ".lock").exists()


def test_records_come_back_from_a_run_directory(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    train = parse_train_record((RECORDS / "train-v1.json").read_bytes())
    score = parse_score_record((RECORDS / "score-v1.json").read_bytes())
    assert directory.train_record() is None
    assert directory.score_records() == []
    directory.write_train(train)
    directory.write_score(score)
    assert directory.train_record() == train
    assert directory.score_records() == [score]
    assert (directory.scores / f"{score.score_hash[:16]}.json").is_file()


@pytest.mark.parametrize(
    ("content", "place"),
    [("{", "record"), ('{"schema_version": 2}', "schema_version"), ("[]", "record")],
)
def test_a_broken_record_names_its_file(tmp_path: Path, content: str, place: str) -> None:
    directory = RunDirectory(tmp_path)
    write_atomically(directory.train_json, content)
    write_atomically(directory.scores / "00.json", content)
    for read, file in (
        (directory.train_record, directory.train_json),
        (directory.score_records, directory.scores / "00.json"),
        (lambda: read_score(directory.scores / "00.json"), directory.scores / "00.json"),
    ):
        with pytest.raises(InvalidInput) as refused:
            read()
        assert str(refused.value.where).startswith(f"{file}: {place}: ")


def test_an_artifact_describes_its_file(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "curve.csv"
    write_atomically(file, "step,loss\n")
    described = artifact("curve", file, tmp_path)
    assert described.path == "deep/curve.csv"
    assert described.n_bytes == len("step,loss\n")
    assert described.sha256 == sha256_of_file(file)
    assert described.sha256 != frozen("train-v1.json")["artifacts"][0]["sha256"]
