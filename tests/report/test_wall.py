"""The wall of samples: its pixels are those of the grids, in the order of the ranking."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from report_runs import (
    SEEDS,
    Runs,
    add_trouble,
    draw_grid,
    fill,
    make_spec,
    make_suite,
    planned,
)

from bench.records import picture_files
from bench.report.board.records import find_records
from bench.report.board.table import Leaderboard, Row, RowKey
from bench.report.generated.everything import check_leaderboard
from bench.report.leaderboard import wall
from bench.report.leaderboard.wall import Wall, evenly, picture, strip_of, wall_of
from bench.report.leaderboard.write import board_of, write_leaderboard
from bench.sample import grid
from catalog.errors import InvalidInput
from catalog.schema import Registry


def board_from(runs: Runs, small_registry: Registry) -> Leaderboard:
    return board_of(make_suite(), planned(), find_records(runs.path), small_registry)


def pixels(png: bytes | Path) -> np.ndarray:
    source = io.BytesIO(png) if isinstance(png, bytes) else png
    with Image.open(source) as image:
        return np.asarray(image)


def made(board: Leaderboard) -> Wall:
    found = wall_of(board)
    assert found is not None
    return found


def row_of(path: Path) -> Row:
    return Row(RowKey("dcgan", "prior"), "generated", grid=path)


def test_strips_are_the_first_row_of_the_grids(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    draw_grid(runs.path / make_spec("vae", 0).run_id / "grid-gmm-10.png", 200)
    board = board_from(runs, small_registry)
    found = made(board)
    names = ("held-out", "pca-gaussian", "dcgan (prior, ema)", "vae (gmm-10)")
    assert found.names == names
    assert (found.n_variants, found.total) == (2, 2)
    shown = pixels(found.png)
    calibration = [board.calibration_row(name) for name in names[:2]]
    grids = [
        *(row.grid for row in calibration if row is not None),
        runs.path / make_spec("dcgan", 0).run_id / "grid-prior.png",
        runs.path / make_spec("vae", 0).run_id / "grid-gmm-10.png",
    ]
    height, width = 8 + 2 + 2, 12 * 10 + 2
    assert shown.shape[0] == height * len(grids)
    for place, path in enumerate(grids):
        assert path is not None
        strip = shown[place * height : (place + 1) * height]
        assert np.array_equal(strip[:, -width:], pixels(path)[:height])
        label = strip[:, :-width]
        assert label.min() < 64  # ink
        assert label[:, 0].min() == 255
    assert wall_of(board) == found


def test_rows_that_failed_and_grids_that_are_missing_are_left_out(
    runs: Runs, small_registry: Registry
) -> None:
    fill(runs)
    add_trouble(runs)
    draw_grid(runs.path / make_spec("r1-gan", 1).run_id / "grid-prior.png", 1)
    assert made(board_from(runs, small_registry)).names[2:] == ("dcgan (prior, ema)",)
    for seed in SEEDS:
        for file in (runs.path / make_spec("dcgan", seed).run_id).glob("grid*.png"):
            file.unlink()
    assert wall_of(board_from(runs, small_registry)) is None


def test_grids_of_the_harness_can_be_cut(tmp_path: Path) -> None:
    assert (grid.N_COLUMNS, picture_files.N_COLUMNS) == (12, 12)
    for channels, size, cell in ((1, 16, 32), (3, 32, 32), (3, 48, 48)):
        images = torch.arange(60 * channels * size * size) * 37 % 256
        path = tmp_path / f"grid-{size}.png"
        grid.write_grid(images.to(torch.uint8).reshape(60, channels, size, size), path)
        strip = strip_of(row_of(path)).image
        assert strip.size == (12 * (cell + 2) + 2, cell + 4)
        assert np.array_equal(np.asarray(strip), pixels(path)[: cell + 4])


def test_grey_strips_stand_beside_coloured_ones(tmp_path: Path) -> None:
    draw_grid(tmp_path / "grey.png", 7)
    draw_grid(tmp_path / "colour.png", 7, "RGB")
    strips = [strip_of(row_of(tmp_path / name)) for name in ("grey.png", "colour.png")]
    shown = pixels(picture(strips))
    assert shown.shape[2] == 3
    assert (shown[:12, :, 0] == shown[:12, :, 2]).all()
    assert np.array_equal(shown[12:, -122:], pixels(tmp_path / "colour.png")[:12])


@pytest.mark.parametrize(
    ("n_all", "n", "indices"),
    [(3, 3, [0, 1, 2]), (62, 4, [0, 20, 41, 61]), (5, 2, [0, 4]), (9, 1, [0])],
)
def test_many_variants_are_picked_evenly(n_all: int, n: int, indices: list[int]) -> None:
    assert evenly(n_all, n) == indices


def test_limits_on_strips_and_bytes_are_kept(
    runs: Runs, small_registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(runs)
    draw_grid(runs.path / make_spec("vae", 0).run_id / "grid-gmm-10.png", 200)
    board = board_from(runs, small_registry)
    whole = made(board)
    monkeypatch.setattr(wall, "MAX_STRIPS", 3)
    fewer = made(board)
    assert fewer.names == whole.names[:3]
    assert (fewer.n_variants, fewer.total) == (1, 2)
    monkeypatch.undo()
    monkeypatch.setattr(wall, "MAX_BYTES", len(whole.png) - 1)
    smaller = made(board)
    assert smaller.png == fewer.png
    assert len(smaller.png) < len(whole.png)


@pytest.mark.parametrize("content", [b"prior", b"\x89PNG\r\n\x1a\n", b""])
def test_a_report_goes_on_without_a_broken_grid_and_names_it(
    runs: Runs, small_registry: Registry, content: bytes, tmp_path: Path
) -> None:
    fill(runs)
    whole = made(board_from(runs, small_registry))
    assert whole.names[-1] == "dcgan (prior, ema)"
    run = make_spec("dcgan", 0).run_id
    file = runs.path / run / "grid-prior.png"
    file.write_bytes(content)
    board = board_from(runs, small_registry)
    assert list(board.broken_grids) == [file]
    assert made(board).names == (*whole.names[:-1], "dcgan (prior, raw)")
    told: list[str] = []
    found = (make_suite(), planned(), runs.path, tmp_path / "reports", small_registry)
    write_leaderboard(*found, tell=told.append)
    assert [line for line in told if str(file) in line and line.startswith("left out: ")]
    records = tmp_path / "reports" / "tiny" / "records" / run
    assert (records / "train.json").is_file()
    assert not (records / "grid-prior.png").exists()
    _, stale = check_leaderboard(make_suite(), planned(), tmp_path / "reports", small_registry)
    # These runs come with three of the five draws of a calibration set, which is noticed.
    assert [one.committed for one in stale] == ["missing-calibration: pca-gaussian (3 / 5)"]


def test_a_picture_of_another_layout_is_no_grid(tmp_path: Path) -> None:
    Image.new("L", (123, 52)).save(tmp_path / "odd.png")
    Image.new("L", (122, 11)).save(tmp_path / "low.png")
    Image.new("L", (4100, 500)).save(tmp_path / "large.png")
    for name in ("odd.png", "low.png", "large.png"):
        with pytest.raises(InvalidInput):
            strip_of(row_of(tmp_path / name))
