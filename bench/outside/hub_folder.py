"""A folder as hubs of models expect it: weights, a description of them, and a card to read."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml

from bench.outside.export import Exportable, weights_bytes
from bench.outside.export_record import CARD, CONFIG, FOLDER_WEIGHTS, KEY, PICTURE
from bench.records.metric_names import metric_label
from bench.records.record import Metric, RunSubject, ScoreRecord
from bench.sample.grid import N_COLUMNS, N_ROWS, write_grid
from catalog.errors import InvalidInput
from catalog.escaping import md_code, md_text
from catalog.files import write_atomically

FILES = (FOLDER_WEIGHTS, CONFIG, CARD, PICTURE)
NORMAL_95 = 1.96
SPREADS = {"is": "splits", "kid": "subsets"}
"""What the spread of a metric is over; it is no interval of anything."""
HEADLINES = ("fid", "is", "kid", "precision", "recall")
"""What a hub shows beside the model; the card has every metric."""
TASK = "unconditional-image-generation"


def write_hub_folder(
    item: Exportable,
    folder: Path,
    scores: Sequence[ScoreRecord],
    *,
    licence: str,
    data_licence: str | None,
) -> list[Path]:
    """Write the four files of a folder; returns them.

    Args:
        item: the sampler.
        folder: absent, empty, or an earlier export.
        scores: on record of the run, of any image set.
        licence: of the weights, by its identifier on the hub.
        data_licence: of the images that they were learned from, where it is known.

    Raises:
        InvalidInput: something else is in the folder.
        NonFiniteImages: a pixel of the samples is NaN or infinite.
    """
    if folder.exists() and (not folder.is_dir() or _strangers(folder)):
        raise InvalidInput(
            f"{folder} is no folder, or holds what no export has written",
            hint="name a new or an empty folder with -o",
        )
    record = item.record
    config = {KEY: json.loads(record.text()), "library_name": "aigc-bench"}
    images = item.model.sample(record.sampler, N_COLUMNS * N_ROWS, seed=record.spec.seed)
    write_atomically(folder / FOLDER_WEIGHTS, weights_bytes(item))
    write_atomically(folder / CONFIG, json.dumps(config, indent=2) + "\n")
    write_grid(images, folder / PICTURE)
    card = model_card(item, scores, licence=licence, data_licence=data_licence)
    write_atomically(folder / CARD, card)
    return [folder / name for name in FILES]


def model_card(
    item: Exportable,
    scores: Sequence[ScoreRecord],
    *,
    licence: str,
    data_licence: str | None,
) -> str:
    """The card: front matter that a hub reads, then what people read."""
    record, spec = item.record, item.record.spec
    mine = [score for score in scores if _is_of(score, item)]
    front: dict[str, Any] = {
        "license": licence,
        "library_name": "aigc-bench",
        "pipeline_tag": TASK,
        "tags": ["aigc-bench", "image-generation", spec.variant, spec.dataset.id],
        "datasets": [spec.dataset.id],
    }
    if mine:
        front["model-index"] = [{"name": record.run_id, "results": [*map(_result, mine)]}]
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    body = "\n".join(_body(item, mine, data_licence))
    return f"---\n{head}---\n\n{body}\n"


def _body(
    item: Exportable, scores: Sequence[ScoreRecord], data_licence: str | None
) -> Iterator[str]:
    record, spec = item.record, item.record.spec
    weights = "averaged" if record.averaged else "raw"
    asked = "noise and a class" if record.conditional else "noise"
    licence = f" ({md_text(data_licence)})" if data_licence else ""
    yield f"# {md_text(spec.variant)} on {md_text(spec.dataset.id)}"
    yield ""
    data = spec.dataset
    yield (
        f"A generator of {'grey' if data.channels == 1 else 'colour'} images of {data.resolution}"
        f" x {data.resolution}, from {asked} to pixels in -1 .. 1. It was trained by aigc-bench"
        f" {md_text(record.made_by)}: {spec.steps:,} updates, seed {spec.seed}, on split"
        f" {md_code(data.split)} of {md_code(data.id)}{licence}. The weights are the {weights}"
        f" ones, the sampler is {md_code(record.sampler)}."
    )
    yield ""
    yield f"![The first {N_COLUMNS * N_ROWS} samples, not chosen]({PICTURE})"
    yield ""
    yield f"- run: {md_code(record.run_id)}"
    yield f"- train hash: {md_code(record.train_hash)}"
    yield f"- pixels of the data set: {md_code(spec.dataset.fingerprint)}"
    yield f"- noise of an image: {', '.join(f'{one.n} {one.kind}' for one in record.draws)}"
    yield ""
    yield "## Scores"
    yield ""
    if not scores:
        yield "None of these weights and this sampler are on record."
    for score in scores:
        yield from _scores(score, item.run.not_comparable_because)
    yield "## Use"
    yield ""
    yield "```console"
    yield "$ pip install aigc-bench"
    yield f"$ aigc bench load FOLDER --as my-{spec.variant} --dataset {spec.dataset.id}"
    yield "```"
    yield ""
    yield (
        f"{md_code(FOLDER_WEIGHTS)} are plain tensors; {md_code(CONFIG)} has every setting of the"
        " network and of its training."
    )


def _scores(score: ScoreRecord, why_apart: Sequence[str]) -> Iterator[str]:
    protocol = score.protocol
    yield (
        f"Protocol {md_code(protocol.id)}, key {md_code(score.protocol_key)}: {score.n_images:,}"
        f" images beside {protocol.n_reference:,} of split {md_code(protocol.reference_split)},"
        f" judged by {md_code(protocol.extractor)}. One training, so nothing here says how far"
        " another one would be off."
    )
    yield ""
    if not score.comparable:
        yield f"It stands in no table: {md_text('; '.join(why_apart) or 'it is not comparable')}."
        yield ""
    yield "| metric | value | how sure |"
    yield "|---|---:|---|"
    for metric in score.metrics:
        if metric.value is not None:
            label = md_text(metric_label(metric.name, protocol.extractor))
            yield f"| {label} | {metric.value:.4g} | {_how_sure(metric)} |"
    yield ""


def _how_sure(metric: Metric) -> str:
    """The 95 % interval of a distance over draws of the images, or what its spread is."""
    if metric.spread is None or metric.value is None:
        return ""
    if metric.name in SPREADS:
        return f"spread {metric.spread:.2g} over {SPREADS[metric.name]}"
    half = NORMAL_95 * metric.spread
    low, high = metric.value - half, metric.value + half
    return f"95 % interval {low:.4g} to {high:.4g} over draws of the images"


def _result(score: ScoreRecord) -> dict[str, Any]:
    protocol = score.protocol
    return {
        "task": {"type": TASK},
        "dataset": {"type": protocol.dataset, "name": protocol.id},
        "metrics": [
            {
                "type": metric.name,
                "name": metric_label(metric.name, protocol.extractor),
                "value": metric.value,
            }
            for metric in score.metrics
            if metric.name in HEADLINES and metric.value is not None
        ],
    }


def _is_of(score: ScoreRecord, item: Exportable) -> bool:
    subject, record = score.subject, item.record
    return isinstance(subject, RunSubject) and (
        (subject.train_hash, subject.weights, subject.ema, subject.sampler)
        == (record.train_hash, record.weights, record.averaged, record.sampler)
    )


def _strangers(folder: Path) -> list[str]:
    return sorted({entry.name for entry in folder.iterdir()} - set(FILES))
