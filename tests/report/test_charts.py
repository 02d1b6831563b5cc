"""Charts of leaderboards: every mark stands where its number says, and nothing else is drawn."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from xml.etree import ElementTree as ET

import matplotlib as mpl
import pytest
from helpers import CLONE
from report_runs import (
    SEEDS,
    Runs,
    add_trouble,
    fill,
    make_spec,
    make_suite,
    planned,
)

from bench.identity.local_registry import pinned_registry
from bench.records.curve import load_curve
from bench.report.board.records import find_records
from bench.report.board.table import Leaderboard, Row
from bench.report.charts import KINDS, drawn, losses_svg, themed
from bench.report.charts.labels import Label, around, placed
from bench.report.charts.losses import bands, scale_of
from bench.report.charts.rows import LARGEST_PX, SMALLEST_PX, diameter, front, gid
from bench.report.charts.style import (
    FAMILIES,
    INK,
    LINE,
    PAPER,
    SMALL,
    WIDTH,
    Box,
    duration_ticks,
    log_ticks,
)
from bench.report.charts.svg import MAX_BYTES, OWN_IDS
from bench.report.leaderboard.write import board_of
from bench.report.words import Language, localized
from bench.run.plan import planned_specs
from bench.stats.intervals import Estimate
from catalog.errors import InvalidInput
from catalog.schema import Registry

SVG = "{http://www.w3.org/2000/svg}"
PX = 0.02
"""Coordinates are written to a hundredth of a px."""


def board_from(runs: Runs, small_registry: Registry, seeds: tuple[int, ...] = SEEDS) -> Leaderboard:
    return board_of(make_suite(seeds), planned(seeds), find_records(runs.path), small_registry)


@pytest.fixture(scope="module")
def committed() -> tuple[Leaderboard, Registry]:
    """The leaderboard with the most rows."""
    registry = pinned_registry(CLONE / "registry.yaml")
    suite = registry.suite("digits")
    found = find_records(CLONE / "reports" / "digits" / "records")
    return board_of(suite, planned_specs(registry, suite), found, registry), registry


def parsed(svg: str) -> ET.Element:
    """The tree of a chart that this process made."""
    return ET.fromstring(svg)  # noqa: S314


def groups(svg: str) -> dict[str, ET.Element]:
    """Every element with an identifier."""
    return {e.get("id", ""): e for e in parsed(svg).iter() if e.get("id")}


def own_ids(svg: str) -> set[str]:
    """Identifiers that charts give to their marks."""
    return {name for name in groups(svg) if name.startswith(OWN_IDS)}


def marks(svg: str) -> dict[str, tuple[float, float]]:
    """Where the mark of each row and calibration set stands, in px from the upper left."""
    found = {}
    for name, element in groups(svg).items():
        if name.startswith("row-"):
            (use,) = element.iter(f"{SVG}use")
            found[name] = float(use.get("x", "")), float(use.get("y", ""))
    return found


def path_of(element: ET.Element) -> list[tuple[float, float]]:
    """Corners of the first path of an element."""
    path = next(element.iter(f"{SVG}path"))
    numbers = [float(text) for text in re.findall(r"-?\d+\.?\d*", path.get("d", ""))]
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def on_one_line(places: list[float], values: list[float]) -> bool:
    """Whether places are a linear function of values, to the digits that files have."""
    low, high = values.index(min(values)), values.index(max(values))
    slope = (places[high] - places[low]) / (values[high] - values[low])
    return all(
        abs(place - places[low] - slope * (value - values[low])) < PX
        for place, value in zip(places, values, strict=True)
    )


def charts_of(board: Leaderboard, small_registry: Registry, language: Language) -> dict[str, str]:
    """SVG of every chart by its file name."""
    charts = drawn(board, small_registry, language)
    return {localized(f"{kind}.svg", language): chart.svg for kind, chart in charts.items()}


def mean(row: Row, name: str = "fid") -> float:
    estimate = row.estimate(name)  # type: ignore[arg-type]
    assert estimate is not None
    return estimate.mean


@pytest.mark.parametrize("language", ["en", "zh"])
def test_charts_are_made_again_to_the_byte(
    runs: Runs, small_registry: Registry, language: Language
) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    first = charts_of(board, small_registry, language)
    assert list(first) == [localized(f"{kind}.svg", language) for kind in KINDS]
    with mpl.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.facecolor": "red"}):
        assert charts_of(board, small_registry, language) == first
    for svg in first.values():
        root = parsed(svg)
        assert root.tag == f"{SVG}svg"
        assert root.get("viewBox", "").split()[2] == str(WIDTH)
        assert not re.search(r"20\d\d-\d\d|[Mm]atplotlib|<metadata|<style|<!", svg)


def test_screen_readers_are_told_what_a_chart_shows(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    for chart in drawn(board_from(runs, small_registry), small_registry, "en").values():
        root = parsed(chart.svg)
        assert root.get("role") == "img"
        told = [groups(chart.svg)[name] for name in root.get("aria-labelledby", "").split()]
        assert [element.tag for element in told] == [f"{SVG}title", f"{SVG}desc"]
        assert told[1].text == chart.alt
        assert told[0].text


def test_distances_stand_in_order_on_a_log_axis(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    add_trouble(runs)
    board = board_from(runs, small_registry)
    chart = drawn(board, small_registry, "en")["distance"]
    ranked = [row for row in board.rows if not row.failed]
    found = marks(chart.svg)
    assert len(ranked) == 4 < len(board.rows)
    assert set(found) == {gid(row) for row in ranked}
    places = [found[gid(row)] for row in ranked]
    assert on_one_line([x for x, _ in places], [math.log(mean(row)) for row in ranked])
    assert on_one_line([y for _, y in places], list(range(4)))
    assert places[0][1] < places[1][1]
    assert "r1-gan (prior)" in chart.caption
    assert "r1-gan" not in chart.svg


def test_intervals_and_known_sets_share_the_axis(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    svg = charts_of(board, small_registry, "en")["distance.svg"]
    found, places, values = groups(svg), [], []
    for row in board.rows:
        estimate = row.estimate("fid")
        assert estimate is not None
        assert estimate.low is not None
        assert estimate.high is not None
        (left, y), (right, _) = path_of(found[gid(row, "interval")])
        assert y == marks(svg)[gid(row)][1]
        places += [left, right]
        values += [math.log(estimate.low), math.log(estimate.high)]
    reference = board.calibration_row("pca-gaussian")
    assert reference is not None
    places.append(path_of(found["reference-pca-gaussian"])[0][0])
    values.append(math.log(mean(reference)))
    assert on_one_line(places, values)
    assert "reference-held-out" not in found  # it has fewer images than the rows
    assert "reference-train-copies" not in found


def test_every_seed_is_a_dot_on_the_line_of_its_row(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    svg = charts_of(board, small_registry, "en")["distance.svg"]
    places, values = [], []
    for row in board.rows:
        dots = list(groups(svg)[gid(row, "seeds")].iter(f"{SVG}use"))
        assert {float(dot.get("y", "")) for dot in dots} == {marks(svg)[gid(row)][1]}
        places += [float(dot.get("x", "")) for dot in dots]
        values += [math.log(value) for value in row.values("fid")]
    assert len(places) == len(SEEDS) * len(board.rows)
    assert on_one_line(places, values)
    assert "one seed" in svg
    assert "smallest to largest seed" not in svg


def test_seeds_of_two_kinds_have_a_dotted_line_and_no_interval(
    runs: Runs, small_registry: Registry
) -> None:
    fill(runs)
    for seed, distance in zip(SEEDS, (1.0, 30.0, 90.0), strict=True):
        runs.score(make_spec("dcgan", seed), distance)
    board = board_from(runs, small_registry)
    (row,) = [r for r in board.rows if r.key.name == "dcgan" and r.key.weights == "raw"]
    assert row.uneven
    assert row.estimate("fid") == Estimate(pytest.approx(2700 ** (1 / 3)), 1.0, 90.0, 3, "extent")
    svg = charts_of(board, small_registry, "en")["distance.svg"]
    found = groups(svg)
    dots = [float(dot.get("x", "")) for dot in found[gid(row, "seeds")].iter(f"{SVG}use")]
    (left, _), (right, _) = path_of(found[gid(row, "interval")])
    assert (left, right) == pytest.approx((min(dots), max(dots)), abs=PX)
    dashed = [
        name
        for name, element in found.items()
        if name.startswith("interval-") and "stroke-dasharray" in ET.tostring(element, "unicode")
    ]
    assert dashed == [gid(row, "interval")]
    assert "smallest to largest seed" in svg
    cost = groups(charts_of(board, small_registry, "en")["cost.svg"])[gid(row, "interval")]
    assert "stroke-dasharray" in ET.tostring(cost, "unicode")


def test_one_seed_is_hollow_and_has_no_interval(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    several = charts_of(board_from(runs, small_registry), small_registry, "en")["distance.svg"]
    single = charts_of(board_from(runs, small_registry, (0,)), small_registry, "en")["distance.svg"]
    for svg, hollow in ((several, False), (single, True)):
        assert ("hollow: one seed" in svg) == hollow
        assert any(name.startswith("interval-") for name in groups(svg)) != hollow
        for name, colour in (("dcgan-prior-ema", "gan"), ("vae-prior-raw", "vae")):
            (use,) = groups(svg)[f"row-{name}"].iter(f"{SVG}use")
            style = use.get("style", "")
            assert f"stroke: {FAMILIES[colour][0]}" in style
            assert (f"fill: {PAPER}" in style) == hollow


def test_costs_stand_on_two_log_axes_with_their_front(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    for row, wall in (("dcgan", 50.0), ("vae", 5.0)):
        for seed in SEEDS:
            record = runs.train(make_spec(row, seed)) / "train.json"
            record.write_text(
                re.sub(r'"train_wall_s": [\d.]+', f'"train_wall_s": {wall}', record.read_text())
            )
    board = board_from(runs, small_registry)
    svg = charts_of(board, small_registry, "en")["cost.svg"]
    found = marks(svg)
    assert set(found) == {gid(row) for row in board.rows}
    places = [found[gid(row)] for row in board.rows]
    walls = [row.cost.wall_s or 0.0 for row in board.rows]
    assert sorted(set(walls)) == [5.0, 50.0]
    assert on_one_line([x for x, _ in places], [math.log(wall) for wall in walls])
    assert on_one_line([y for _, y in places], [math.log(mean(row)) for row in board.rows])
    fast, near = found["row-vae-gmm-10-raw"], found["row-dcgan-prior-ema"]
    corners = path_of(groups(svg)["front-line"])
    assert corners[:3] == [fast, (near[0], fast[1]), near]
    assert corners[3][0] > near[0]
    assert corners[3][1] == near[1]
    texts = [element.text for element in parsed(svg).iter(f"{SVG}text")]
    assert "vae (gmm-10)" in texts
    assert "dcgan (prior, EMA)" in texts
    assert "vae (prior)" not in texts  # which is behind


def test_the_area_of_a_mark_is_as_the_parameters() -> None:
    assert diameter(400_000, 400_000) == LARGEST_PX
    assert diameter(100_000, 400_000) == pytest.approx(LARGEST_PX / 2)
    assert diameter(1, 400_000) == diameter(None, 400_000) == SMALLEST_PX


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([(1, 3), (2, 2), (3, 1)], [0, 1, 2]),
        ([(3, 1), (2, 2), (1, 3), (3, 3), (2, 4)], [2, 1, 0]),
        ([(1, 1), (1, 2), (2, 1)], [0]),  # as good in one and worse in the other
        ([(1, 1), (1, 1)], [0, 1]),
        ([], []),
    ],
)
def test_the_front_is_what_nothing_beats(
    points: list[tuple[float, float]], kept: list[int]
) -> None:
    assert front(points) == kept


def test_precision_stands_against_recall(
    committed: tuple[Leaderboard, Registry],
) -> None:
    board, registry = committed
    svg = charts_of(board, registry, "en")["precision-recall.svg"]
    rows = [*board.rows, *(row for row in board.calibration if row.n_images == 10_000)]
    found = marks(svg)
    assert set(found) == {gid(row) for row in rows}
    places = [found[gid(row)] for row in rows]
    assert on_one_line([x for x, _ in places], [mean(row, "recall") for row in rows])
    assert on_one_line([y for _, y in places], [mean(row, "precision") for row in rows])
    # right and up is more
    (right, high), (left, low) = found["row-train-copies-raw"], found["row-mean-image-raw"]
    assert right > left
    assert high < low


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_largest_table_stays_legible_and_small(
    committed: tuple[Leaderboard, Registry], language: Language
) -> None:
    charts = drawn(*committed, language)
    assert set(charts) == set(KINDS)
    for chart in charts.values():
        assert len(chart.svg.encode()) < MAX_BYTES
        sizes = re.findall(r"font-size: ([\d.]+)px", chart.svg)
        assert sizes
        assert min(map(float, sizes)) >= SMALL >= 10
    ys = sorted(y for _, y in marks(charts["distance"].svg).values())
    assert len(ys) == len(committed[0].rows) > 80
    assert min(b - a for a, b in pairwise(ys)) > 11  # a line of text
    texts = parsed(charts["distance"].svg).iter(f"{SVG}text")
    assert all(0 <= float(text.get("x", "")) <= WIDTH for text in texts)


def test_curves_are_means_with_a_band_over_seeds(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    dcgan = [run for run in board.runs if run.train.spec.variant == "dcgan"]
    (band,) = bands(dcgan, at_most=25)
    assert (band.name, band.n, band.last_step) == ("loss", 3, 1000)
    assert len(band.steps) == 25  # a hundred points, four at a time
    assert band.steps[0] == 25.0
    points = [10 / step for step in (10, 20, 30, 40)]
    for values, seed in ((band.low, 0), (band.mean, 1), (band.high, 2)):
        assert values[0] == pytest.approx(sum(points) / 4 + seed, abs=1e-3)
    svg = charts_of(board, small_registry, "en")["losses.svg"]
    curves = {name for name in groups(svg) if name.startswith("curve-")}
    assert curves == {"curve-dcgan-loss", "curve-vae-loss"}
    assert svg.count("opacity: 0.25") == 2
    line = path_of(groups(svg)["curve-dcgan-loss"])
    assert len(line) == len(bands(dcgan)[0].steps)
    assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert [y for _, y in line] == sorted(y for _, y in line)  # the loss falls
    single = charts_of(board_from(runs, small_registry, (0,)), small_registry, "en")["losses.svg"]
    assert "opacity: 0.25" not in single


def test_one_variant_has_a_panel_for_each_number(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    vae = [run for run in board.runs if run.train.spec.variant == "vae"]
    for run in vae:
        (run.directory / "curve.csv").write_text("step,kl,mse\n10,1,\n20,2,5\n30,,4\n")
    svg = losses_svg(vae, "en")
    assert svg is not None
    assert {"curve-kl-kl", "curve-mse-mse"} <= set(groups(svg))
    assert "Curves of vae over 20 updates, 3 seeds: kl, mse." in svg
    for run in vae:
        (run.directory / "curve.csv").unlink()
    assert losses_svg(vae, "en") is None


@pytest.mark.parametrize(
    "text", ["step,loss\n1,nan\n", "step,loss\none,1\n", "loss\n1\n", "step,loss\n1,2,3\n"]
)
def test_a_broken_curve_is_named(runs: Runs, small_registry: Registry, text: str) -> None:
    fill(runs)
    file = runs.path / make_spec("vae", 1).run_id / "curve.csv"
    file.write_text(text)
    with pytest.raises(InvalidInput) as caught:
        charts_of(board_from(runs, small_registry), small_registry, "en")
    assert str(file) in str(caught.value.where)
    with pytest.raises(InvalidInput):
        load_curve(file.with_name("none.csv"))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([1.0, 9.0], ""),
        ([0.1, 9.0], "log"),
        ([-1.0, 2.0], ""),
        ([-500.0, 0.0, 2.0, 3.0, 4.0], "asinh"),
        ([0.0, 0.0], ""),
    ],
)
def test_a_scale_suits_its_values(values: list[float], name: str) -> None:
    scale = scale_of(values)
    assert scale.name == name
    shown = [scale.of(value) for value in sorted(values)]
    assert shown == sorted(shown)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_themed_chart_leaves_its_colours_to_the_page(
    committed: tuple[Leaderboard, Registry], language: Language
) -> None:
    seen: set[str] = set()
    for svg in charts_of(*committed, language).values():
        assert all(colour in svg for colour in (INK, LINE, PAPER))
        inlined = themed(svg)
        assert not any(colour in inlined for colour in (INK, LINE, PAPER, "#000000"))
        assert all(f"var(--{name})" in inlined for name in ("ink", "line", "paper"))
        ids = [e.get("id") for e in parsed(inlined).iter() if e.get("id")]
        assert len(ids) == len(set(ids))
        assert not seen & set(ids)
        seen |= set(ids)
        used = re.findall(r'url\(#([^)]+)\)|href="#([^"]+)"', inlined)
        assert {a or b for a, b in used} <= set(ids)
        labels = parsed(inlined).get("aria-labelledby", "").split()
        assert len(labels) == 2
        assert set(labels) <= set(ids)


def test_both_languages_draw_the_same_marks(runs: Runs, small_registry: Registry) -> None:
    fill(runs)
    board = board_from(runs, small_registry)
    english, chinese = (drawn(board, small_registry, language) for language in ("en", "zh"))
    assert english.keys() == chinese.keys()
    for kind, chart in english.items():
        other = chinese[kind].svg
        assert own_ids(chart.svg) == own_ids(other) != set()
        if kind != "distance":  # whose margin is as wide as the names of rows
            assert marks(chart.svg) == marks(other)
        assert re.search("[一-鿿]", other)
        assert not re.search("[一-鿿]", chart.svg + chart.alt + chart.caption)


def test_a_table_without_a_distance_has_no_chart_of_one(
    runs: Runs, small_registry: Registry
) -> None:
    for seed in SEEDS:
        runs.train(make_spec("dcgan", seed))
    assert set(drawn(board_from(runs, small_registry), small_registry, "en")) == {"losses"}


def test_labels_hide_neither_each_other_nor_the_marks() -> None:
    points = [(100.0 + 12 * (i % 4), 100.0 + 14 * (i // 4)) for i in range(12)]
    frame = Box(0, 0, 400, 300)
    labels = [Label(f"label {i}", x, y) for i, (x, y) in enumerate(points)]
    boxes = [one.box for one in placed(labels, [around(x, y) for x, y in points], frame)]
    for index, box in enumerate(boxes):
        assert frame.left <= box.left < box.right <= frame.right
        assert frame.top <= box.top < box.bottom <= frame.bottom
        for other in [*boxes[:index], *(around(x, y) for x, y in points)]:
            apart = box.right <= other.left or other.right <= box.left
            assert apart or box.bottom <= other.top or other.bottom <= box.top


def test_ticks_are_round_and_few() -> None:
    assert log_ticks(0.9, 800) == [1, 2, 5, 10, 20, 50, 100, 200, 500]
    assert log_ticks(1e-3, 1e9) == [10.0**d for d in range(-3, 10)]
    assert log_ticks(1.01, 1.02) == [1.01, 1.02]
    assert duration_ticks(0.5, 3.5) == [(0.5, "500 ms"), (1, "1 s"), (2, "2 s"), (3, "3 s")]
    assert duration_ticks(800, 2000) == [(900, "15 min"), (1200, "20 min"), (1800, "30 min")]
    assert len(duration_ticks(0.5, 1e6)) <= 9
