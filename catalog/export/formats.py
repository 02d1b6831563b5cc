"""The registry's browsable part in formats that other programs read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

from catalog.browse.items import envelope, erratum_item, full
from catalog.escaping import md_link, md_text, sheet_cell, visible_json
from catalog.markdown_table import markdown_table
from catalog.schema import Registry, Resource

_COLUMNS = (
    "id", "kind", "origin", "family", "modality", "title_en", "title_zh", "authors", "year",
    "venue", "arxiv", "doi", "url", "license", "summary_en", "summary_zh", "lines", "errata",
)  # fmt: skip


def as_json(registry: Registry) -> str:
    """One document with every resource and every erratum."""
    whole = envelope(full(registry, resource) for resource in registry.resources)
    document = {**whole, "errata": [erratum_item(erratum) for erratum in registry.errata]}
    return visible_json(json.dumps(document, ensure_ascii=False, indent=2)) + "\n"


def as_jsonl(registry: Registry) -> str:
    """One resource per line."""
    lines = [
        visible_json(json.dumps(full(registry, resource), ensure_ascii=False))
        for resource in registry.resources
    ]
    return "\n".join(lines) + "\n"


def as_csv(registry: Registry) -> str:
    """One resource per row, lists joined by semicolons; no cell is a formula or breaks a line."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(registry, resource) for resource in registry.resources)
    return out.getvalue()


def as_markdown(registry: Registry) -> str:
    """One table with both titles; ``aigc catalog render`` makes the full pages."""
    rows = [
        [
            resource.id,
            resource.kind,
            md_link(resource.title.en, resource.url),
            md_text(resource.title.zh),
            str(resource.sure_year or ""),
        ]
        for resource in registry.resources
    ]
    return "\n".join(markdown_table(["id", "kind", "title", "标题", "year"], rows)) + "\n"


def as_schema(registry: Registry) -> str:  # noqa: ARG001 - every format has one signature
    """JSON Schema of the registry file, for editors."""
    return json.dumps(Registry.model_json_schema(), ensure_ascii=False, indent=2) + "\n"


FORMATS: dict[str, Callable[[Registry], str]] = {
    "json": as_json,
    "jsonl": as_jsonl,
    "csv": as_csv,
    "markdown": as_markdown,
    "schema": as_schema,
}


def _row(registry: Registry, resource: Resource) -> dict[str, str]:
    licence = resource.license
    row = {
        "id": resource.id,
        "kind": resource.kind,
        "origin": resource.origin,
        "family": resource.family or "",
        "modality": ";".join(resource.modality),
        "title_en": resource.title.en,
        "title_zh": resource.title.zh,
        "authors": ";".join(resource.authors),
        "year": resource.sure_year or "",
        "venue": resource.venue or "",
        "arxiv": resource.ids.arxiv or "",
        "doi": resource.ids.doi or "",
        "url": resource.url or "",
        "license": (licence.code or licence.data or "") if licence else "",
        "summary_en": resource.summary.en,
        "summary_zh": resource.summary.zh,
        "lines": ";".join(str(mention.line) for mention in resource.article),
        "errata": ";".join(e.id for e in registry.errata if resource.id in e.resources),
    }
    return {name: sheet_cell(str(value)) for name, value in row.items()}
