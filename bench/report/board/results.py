"""The leaderboard for machines, as CSV and as JSON: plain numbers to the last digit."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from bench.records.record import MetricName
from bench.report.board.table import Gap, Leaderboard, Row
from bench.report.words.spelling import metric_label
from bench.stats import Contrast

SCHEMA_VERSION = 1

# The ranking distance has no column of its own: it is mean, ci_low and ci_high.
COLUMN_OF: dict[MetricName, str] = {
    "is": "is",
    "kid": "kd",
    "precision": "precision",
    "recall": "recall",
    "f_score": "f_score",
    "fid_equal_n": "distance_at_equal_n",
    "fid_held_out": "distance_to_held_out",
    "copy_rate": "copy_rate",
    "label_accuracy": "label_accuracy",
}
FIRST = (
    *("variant", "sampler", "weights", "n_train_seeds"),
    *("mean", "ci_low", "ci_high", "rank_low", "rank_high"),
    *("metric", "kind", "status", "reason", "provisional", "versus_pca_gaussian", "seeds"),
)
LAST = (
    *("n_draws", "sd_over_seeds", "sd_over_draws", "sampling_error", "bias_estimate"),
    *("parent_ratio", "parent_ratio_low", "parent_ratio_high", "versus_parent"),
    *("n_images", "parameters_sampling", "images_seen", "images_per_s", "train_wall_s"),
    "protocol_key",
)


COLUMNS = (
    *FIRST,
    *(f"{name}{end}" for name in COLUMN_OF.values() for end in ("", "_ci_low", "_ci_high")),
    *LAST,
)
Fields = dict[str, object]


def results_csv(board: Leaderboard) -> str:
    """One line per row of every table of the page, runs without a result included."""
    data = [
        fields | {"seeds": _spaced(fields["seeds"]), "provisional": _lower(fields["provisional"])}
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
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def _spaced(seeds: object) -> object:
    return " ".join(map(str, seeds)) if isinstance(seeds, list) else seeds


def _lower(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value


def _all_fields(board: Leaderboard) -> list[Fields]:
    """Every row with every column, those without a value as None."""
    rows = (*board.rows, *board.calibration, *board.reconstructions)
    contrasts = {descent.child.key: descent.contrast for descent in board.descents}
    shared: Fields = dict.fromkeys(COLUMNS)
    shared["metric"] = metric_label("fid", board.protocol.extractor)
    shared["protocol_key"] = board.protocol.key
    data = [shared | fields for fields in (*map(_row, rows), *map(_gap, board.gaps))]
    for fields, row in zip(data, rows, strict=False):
        fields |= _contrast(contrasts.get(row.key)) if row.kind == "generated" else {}
    return data


def _row(row: Row) -> Fields:
    distance, cost = row.estimate("fid"), row.cost
    fields: Fields = {
        "variant": row.key.name,
        "sampler": row.key.sampler,
        "weights": None if row.kind == "calibration" or not row.scores else row.key.weights,
        "n_train_seeds": len(row.runs),
        "rank_low": row.rank.low if row.rank else None,
        "rank_high": row.rank.high if row.rank else None,
        "kind": row.kind,
        "status": _status(row),
        "provisional": row.provisional,
        "versus_pca_gaussian": row.baseline.verdict if row.baseline else None,
        "seeds": [run.train.spec.seed for run in row.runs],
        "n_draws": len(row.scores) if row.kind == "calibration" else None,
        "sd_over_seeds": row.spread.trainings,
        "sd_over_draws": row.spread.draws,
        "sampling_error": row.spread.sampling,
        "n_images": row.n_images,
        "parameters_sampling": cost.parameters,
        "images_seen": cost.images_seen,
        "images_per_s": cost.images_per_s,
        "train_wall_s": cost.wall_s,
    }
    if distance is not None:
        fields |= {"mean": distance.mean, "ci_low": distance.low, "ci_high": distance.high}
    bias = row.estimate("fid_bias")
    if bias is not None:
        fields["bias_estimate"] = bias.mean
    for name, column in COLUMN_OF.items():
        estimate = row.estimate(name)
        if estimate is not None:
            fields[column] = estimate.mean
            fields[f"{column}_ci_low"] = estimate.low
            fields[f"{column}_ci_high"] = estimate.high
    return fields


def _status(row: Row) -> str:
    if row.failed or not row.scores:
        return "error"
    return "gate-missed" if row.short else "success"


def _contrast(contrast: Contrast | None) -> Fields:
    if contrast is None:
        return {}
    return {
        "parent_ratio": contrast.ratio,
        "parent_ratio_low": contrast.low,
        "parent_ratio_high": contrast.high,
        "versus_parent": contrast.verdict,
    }


def _gap(gap: Gap) -> Fields:
    return {
        "variant": gap.variant,
        "n_train_seeds": 0,
        "kind": "gap",
        "status": gap.status,
        "reason": gap.reason,
        "seeds": list(gap.seeds),
    }
