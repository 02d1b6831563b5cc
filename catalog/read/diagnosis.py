"""Turns what pydantic says about a registry into problems with lines and advice.

Owns the wording of schema errors; what is right or wrong is decided in ``catalog.schema``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from catalog.document import Document, Loc, Problem
from catalog.names import suggestion
from catalog.schema import Registry

_LONGEST_VALUE = 60


def schema_problems(error: ValidationError, document: Document) -> list[Problem]:
    """Every complaint of one failed validation; alternatives for the same value share a line."""
    messages: dict[Loc, list[str]] = {}
    for detail in error.errors(include_url=False):
        loc = document.nearest(detail["loc"])
        if _is_unmeant_alternative(detail, loc):
            continue
        if detail["type"] == "missing":
            loc = (*loc, detail["loc"][-1])
        messages.setdefault(loc, []).append(_message(detail, loc, document))
    return [
        document.problem(loc, " or ".join(dict.fromkeys(said))) for loc, said in messages.items()
    ]


def _is_unmeant_alternative(detail: ErrorDetails, loc: Loc) -> bool:
    """Whether the file gives a list where a union would also have taken a fixed word.

    Only a union adds parts to a location that the document lacks, and its list branch has failed
    too, so the real complaint is reported.
    """
    return (
        detail["type"] == "literal_error"
        and isinstance(detail["input"], list)
        and loc != detail["loc"]
    )


def _message(detail: ErrorDetails, loc: Loc, document: Document) -> str:
    if detail["type"] == "missing":
        return "this key is required"
    if detail["type"] == "extra_forbidden":
        return f"unknown key{suggestion(str(loc[-1]), _keys_beside(loc))}"
    if detail["type"] == "string_type" and loc in document.written:
        written = document.written[loc]
        return f"{detail['msg']} (quote it: {written or 'nothing'} is read as {_kind(detail)})"
    return f"{detail['msg']}{_instead(detail['input'])}"


def _kind(detail: ErrorDetails) -> str:
    value = detail["input"]
    if value is None:
        return "null"
    return "true or false" if isinstance(value, bool) else "a number"


def _instead(value: Any) -> str:
    if not isinstance(value, str | int | float):
        return ""
    shown = repr(value)
    return f", not {shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + '…'}"


def _keys_beside(loc: Loc) -> Sequence[str]:
    """The keys that the model around ``loc`` knows."""
    model: type[BaseModel] = Registry
    for part in loc[:-1]:
        if isinstance(part, str) and part in model.model_fields:
            model = _model_within(model.model_fields[part].annotation) or model
    return list(model.model_fields)


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_model_within(argument) for argument in get_args(annotation))
    return next((model for model in found if model), None)
