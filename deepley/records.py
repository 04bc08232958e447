"""Frozen dataclasses to JSON and back, with their types checked."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from deepley.errors import Refusal

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

SCHEMA_VERSION = 1
"""Version of every JSON object this project writes."""

JsonObject = dict[str, Any]
"""A JSON object as `json` reads it: plain values by field."""

Record = TypeVar("Record")

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}
"""By dataclass: building one takes milliseconds."""


def to_json(value: DataclassInstance) -> JsonObject:
    """Turns a dataclass into plain JSON types.

    Args:
        value: Dataclass whose fields are plain values, tuples or such dataclasses.

    Returns:
        Values by field, as `json.dumps` takes them.
    """
    return dataclasses.asdict(value)


def from_json(cls: type[Record], data: object) -> Record:
    """Makes a dataclass of what `to_json` wrote.

    Args:
        cls: Dataclass whose fields are plain values, tuples or such dataclasses.
        data: Values by field. A missing field takes its default; an unknown one is ignored, so that a newer file stays
            readable.

    Returns:
        The dataclass.

    Raises:
        Refusal: If a value has another type than its field, a field without default is missing, or a value breaks the
            contract of `cls`.
    """
    try:
        return _adapter(cls).validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(first.get("ctx", {}).get("error"), Refusal):
            raise Refusal(str(first["ctx"]["error"])) from error
        where = ".".join(map(str, first["loc"])) or cls.__name__
        said = first["msg"].removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
        raise Refusal(f"{where}: {said[:1].lower()}{said[1:]}, not {json.dumps(first['input'])[:80]}.") from error


def _adapter(cls: type[Record]) -> TypeAdapter[Record]:
    if cls not in _ADAPTERS:
        _ADAPTERS[cls] = TypeAdapter(cls)
    return _ADAPTERS[cls]
