"""JSON from a file that somebody else may have written, into a strict model.

Beyond what pydantic refuses: a key given twice (readers would differ in which one counts), NaN and
Infinity anywhere, numbers that no machine holds, and nesting without end. A version that this
release does not know is named as such before anything else is complained about.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel

MAX_BYTES = 16 * 2**20
"""A record takes a few kilobytes; nothing larger than this is read."""
LARGEST_INTEGER = 2**63 - 1

M = TypeVar("M", bound=BaseModel)


class BrokenJson(ValueError):
    """A document that is refused before its fields are looked at; ``place`` is dotted."""

    def __init__(self, message: str, place: str = "record") -> None:
        super().__init__(message)
        self.place = place


def parse_strictly(data: str | bytes, model: type[M], versions: tuple[int, ...]) -> M:
    """A model from its JSON text.

    Args:
        data: the text, UTF-8 where it is bytes.
        model: has a field ``schema_version``.
        versions: of the schema, which this release reads.

    Raises:
        BrokenJson: the text is no JSON document of these rules, or of another version.
        ValidationError: pydantic's, for a field that breaks a rule.
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        document = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
        _require_version(document, versions)
        return model.model_validate_json(text)
    except UnicodeDecodeError as error:
        raise BrokenJson(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except json.JSONDecodeError as error:
        raise BrokenJson(f"not JSON: {error}") from error
    except RecursionError as error:
        raise BrokenJson("nested too deeply") from error
    except OverflowError as error:
        raise BrokenJson("holds a number that is out of range") from error


def _require_version(document: Any, versions: tuple[int, ...]) -> None:
    if not isinstance(document, dict) or "schema_version" not in document:
        return  # the model says what is wrong, or that the first version is meant
    found = document["schema_version"]
    if type(found) is not int or found not in versions:
        read = " and ".join(map(str, versions))
        raise BrokenJson(
            f"this release reads version {read} of the schema, not {str(found)[:20]}",
            "schema_version",
        )


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for index, key in enumerate(keys) if key in keys[:index])
        raise BrokenJson("the key is given twice", twice)
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise BrokenJson(f"{text} is not a finite number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise BrokenJson(f"{text[:20]} is not a finite number")
    return number


def _bounded(text: str) -> int:
    digits = text.lstrip("-")
    if len(digits) > len(str(LARGEST_INTEGER)) or int(digits) > LARGEST_INTEGER:
        raise BrokenJson(f"the whole number {text[:20]}… is out of range")
    return int(text)
