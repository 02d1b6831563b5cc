"""Sizes on the disk: contents only, no links, and estimates from what is there."""

from __future__ import annotations

from pathlib import Path

from bench.records.disk import disk_use, free_bytes, needed_bytes, size_of


def write(path: Path, n_bytes: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * n_bytes)


def test_links_count_nothing(tmp_path: Path) -> None:
    run, elsewhere = tmp_path / "run", tmp_path / "elsewhere"
    write(run / "a", 10)
    write(run / "scores" / "b", 5)
    write(elsewhere / "huge", 1000)
    (run / "link").symlink_to(elsewhere / "huge")
    (run / "folder").symlink_to(elsewhere)
    (run / "round").symlink_to(run)
    assert size_of(run) == 15
    assert size_of(tmp_path / "nowhere") == 0


def test_a_runs_directory_is_shared_out(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write(runs / "vae-digits-s0-00000000" / "a", 10)
    write(runs / "gan-digits-s0-00000000" / "a", 7)
    write(runs / "calibration" / "noise.json", 3)
    write(runs / ".runner.json", 100)
    write(tmp_path / "elsewhere" / "a", 1000)
    (runs / "linked").symlink_to(tmp_path / "elsewhere")
    use = disk_use(runs, [10])
    assert (use.jobs, use.calibration, use.other) == (10, 3, 7)
    assert use.free > 0


def test_free_space_of_a_folder_to_be(tmp_path: Path) -> None:
    there, to_be = free_bytes(tmp_path), free_bytes(tmp_path / "not" / "yet")
    assert there > 0
    assert 0.5 * there < to_be < 2.0 * there  # others write to that disk, too
    assert not (tmp_path / "not").exists()


def test_a_finished_run_of_the_variant_tells_what_the_next_will_need(tmp_path: Path) -> None:
    assert needed_bytes(tmp_path, {"vae-digits-s2-11111111": 0}) is None
    assert needed_bytes(tmp_path, {}) == 0
    write(tmp_path / "vae-digits-s0-00000000" / "weights.safetensors", 100)
    write(tmp_path / "vae-digits-s1-00000000" / "weights.safetensors", 140)
    write(tmp_path / "beta-vae-digits-s0-00000000" / "weights.safetensors", 30)
    unfinished = tmp_path / "vae-digits-s3-00000000"
    write(unfinished / "weights.safetensors", 1000)
    write(unfinished / "checkpoint.pt", 1000)
    expected = {
        "vae-digits-s2-11111111": 120,
        "beta-vae-digits-s1-11111111": 30,
        "gan-digits-s0-11111111": 90,  # the mean of all three
    }
    for name, n_bytes in expected.items():
        assert needed_bytes(tmp_path, {name: 0}) == n_bytes
    begun = dict(zip(expected, (20, 31, 0), strict=True))
    assert needed_bytes(tmp_path, begun) == 100 + 0 + 90
