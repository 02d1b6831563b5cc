"""The leaderboard for machines, as CSV and as JSON: plain numbers to the last digit."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from bench.records.metric_names import MetricName, metric_label
from bench.report.board.table import Gap, Leaderboard, LoadedRow, OwnSettings, Row
from bench.stats.comparisons import Contrast
from catalog.escaping import sheet_cell, visible_json

SCHEMA_VERSION = 2

COLUMN_OF: dict[MetricName, str] = {
    "is": "is",
    "kid": "kd",
    "precision": "precision",
    "recall": "recall",
    "f_score": "f_score",
    "fid_equal_n": "distance_at_equal_n",
    "fid_held_out": "distance_to_held_out",
    "copy_rate": "copy_rate",
    "copy_rate_low": "copy_rate_low",
    "copy_rate_high": "copy_rate_high",
    "copy_rate_pixels": "copy_rate_pixels",
    "nearest_ratio": "nearest_ratio",
    "label_accuracy": "label_accuracy",
}
DISTANCE = ("mean", "ci_low", "ci_high")
"""Means of distances and of inception scores are geometric. Both ends are those of a 95 % interval,
or the smallest and the largest value, as the column ``ends`` says."""
FIRST = (
    *("variant", "sampler", "weights", "n_train_seeds"),
    *(*DISTANCE, "rank_low", "rank_high"),
    *("metric", "kind", "status", "reason", "provisional", "versus_pca_gaussian", "seeds"),
)
LAST = (
    *("n_draws", "sd_over_seeds", "sd_over_draws", "sampling_error", "bias_estimate"),
    *("ends", "table_rank_low", "table_rank_high"),
    *("parent_ratio", "parent_ratio_low", "parent_ratio_high", "versus_parent"),
    *("n_images", "parameters_sampling", "images_seen", "images_per_s", "train_wall_s"),
    "protocol_key",
)
MEASURED: dict[MetricName, tuple[str, str, str]] = {
    name: (column, f"{column}_ci_low", f"{column}_ci_high") for name, column in COLUMN_OF.items()
}
COLUMNS = (*FIRST, *(column for columns in MEASURED.values() for column in columns), *LAST)
Fields = dict[str, object]


def results_csv(board: Leaderboard) -> str:
    """One line per row of every table of the page, runs without a result included."""
    data = [
        {name: sheet_cell(x) if isinstance(x, str) else x for name, x in fields.items()}
        | {"seeds": _spaced(fields["seeds"]), "provisional": _lower(fields["provisional"])}
        for fields in _all_fields(board)
    ]
    frame = pd.DataFrame(data, columns=list(COLUMNS), dtype=object)
    return frame.to_csv(index=False, lineterminator="\n")


def results_json(board: Leaderboard) -> str:
    """The same rows as ``results_csv``, one a line, with the protocol that they stand under.

    A number that is missing is null, ``provisional`` is a boolean, ``seeds`` a list of numbers.
    """
    protocol = board.protocol.model_dump(mode="json") | {"key": board.protocol.key}
    items = ",\n".join(_json(fields) for fields in _all_fields(board))
    head = f'"schema_version": {SCHEMA_VERSION},\n"protocol": {_json(protocol)}'
    return f'{{\n{head},\n"items": [\n{items}\n]\n}}\n'


def _json(data: Mapping[str, object]) -> str:
    return visible_json(json.dumps(data, ensure_ascii=False, allow_nan=False))


def _spaced(seeds: object) -> object:
    return " ".join(map(str, seeds)) if isinstance(seeds, list) else seeds


def _lower(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _all_fields(board: Leaderboard) -> list[Fields]:
    """Every row with every column, those without a value as None."""
    contrasts = {descent.child.key: descent.contrast for descent in board.descents}
    shared: Fields = dict.fromkeys(COLUMNS)
    shared["metric"] = metric_label("fid", board.protocol.extractor)
    shared["protocol_key"] = board.protocol.key
    rows = [
        *(_row(row, contrasts.get(row.key)) for row in board.rows),
        *(_row(row, None) for row in (*board.calibration, *board.reconstructions)),
    ]
    others = (*map(_loaded, board.loaded), *map(_own, board.own), *map(_gap, board.gaps))
    return [shared | fields for fields in (*rows, *others)]


def _row(row: Row, contrast: Contrast | None) -> Fields:
    cost, spread = row.cost, row.spread
    fields: Fields = {
        "variant": row.key.name,
        "sampler": row.key.sampler,
        "weights": None if row.kind == "calibration" or not row.scores else row.key.weights,
        "n_train_seeds": len(row.runs),
        "rank_low": row.rank.low if row.rank else None,
        "rank_high": row.rank.high if row.rank else None,
        "table_rank_low": row.rank_together.low if row.rank_together else None,
        "table_rank_high": row.rank_together.high if row.rank_together else None,
        "ends": _ends(row),
        "kind": row.kind,
        "status": _status(row),
        "provisional": row.provisional,
        "versus_pca_gaussian": row.baseline.verdict if row.baseline else None,
        "seeds": [run.train.spec.seed for run in row.runs],
        "n_draws": len(row.scores) if row.kind == "calibration" else None,
        "sd_over_seeds": spread.trainings,
        "sd_over_draws": spread.draws,
        "sampling_error": spread.sampling,
        "bias_estimate": row.mean("fid_bias"),
        "n_images": row.n_images,
        "parameters_sampling": cost.parameters,
        "images_seen": cost.images_seen,
        "images_per_s": cost.images_per_s,
        "train_wall_s": cost.wall_s,
    }
    for name, columns in (("fid", DISTANCE), *MEASURED.items()):
        if (one := row.estimate(name)) is not None:
            fields |= zip(columns, (one.mean, one.low, one.high), strict=True)
    if contrast is not None:
        fields |= {
            "parent_ratio": contrast.ratio,
            "parent_ratio_low": contrast.low,
            "parent_ratio_high": contrast.high,
            "versus_parent": contrast.verdict,
        }
    return fields


def _own(own: OwnSettings) -> Fields:
    return _row(own.row, None) | {
        "kind": "own-settings",
        "status": "not-comparable",
        "reason": "; ".join(own.reasons),
        "protocol_key": own.row.scores[0].record.protocol_key,
    }


def _loaded(loaded: LoadedRow) -> Fields:
    load = loaded.run.load
    told = (load.source, load.licence, load.url, f"sha256 {load.spec.sha256}")
    return _row(loaded.row, None) | {
        "weights": None,
        "status": "loaded",
        "reason": "; ".join(filter(None, told)),
        "parameters_sampling": load.n_parameters,
    }


def _ends(row: Row) -> str | None:
    """What the ends beside the distance are; nothing where it has none."""
    one = row.estimate("fid")
    if one is None or one.low is None:
        return None
    return "ci" if one.kind == "interval" else "min-max"


def _status(row: Row) -> str:
    if row.failed or not row.scores:
        return "error"
    return "gate-missed" if row.short else "success"


def _gap(gap: Gap) -> Fields:
    return {
        "variant": gap.variant,
        "n_train_seeds": 0,
        "kind": "gap",
        "status": gap.status,
        "reason": gap.reason,
        "seeds": list(gap.seeds),
    }
