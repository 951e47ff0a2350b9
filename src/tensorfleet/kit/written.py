"""Sizes, durations and instants as people write them in documents and queries: 2GiB, 1h30m, 2026-11-21T03:12:25Z."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from tensorfleet.kit.units import parse_duration_s, parse_size

_NUMBER = re.compile(r"\s*[+-]?[\d._]+\s*")


def _no_number(value: Any) -> Any:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        raise ValueError(f"'{value[:40]}' is not an instant such as 2026-11-21T03:12:25Z")
    return value


Moment = Annotated[datetime, BeforeValidator(_no_number)]
"""An instant in a query; pydantic alone would take a number for seconds since 1970."""
SizeText = Annotated[
    str, Field(pattern=r"^\s*\d+(\.\d+)?\s*([bB]|[kKmMgGtT]([iI]?[bB]|[iI])?)?\s*$", examples=["2GiB"])
]
DurationText = Annotated[str, Field(pattern=r"^(\d+(\.\d+)?|(\d+(\.\d+)?(ms|[smhd]))+)$", examples=["1h30m"])]
AsSize = BeforeValidator(parse_size, json_schema_input_type=Annotated[int, Field(ge=0)] | SizeText)
AsDuration = BeforeValidator(
    parse_duration_s, json_schema_input_type=Annotated[float, Field(gt=0)] | DurationText
)
