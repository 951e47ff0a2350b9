"""What the job file says of the model that a job leaves, beside its name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Text = Annotated[str, Field(max_length=10_000)]
Format = Literal["onnx", "torch_export"]


class ModelPolicy(BaseModel):
    """Further formats, whether rows may be shown, and what a person says of the model in its card."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    formats: list[Format] = Field(
        default_factory=list, max_length=10, description="each is published if it says what the model says"
    )
    example: bool = Field(
        default=True, description="whether the model keeps a few held-out rows as an example"
    )
    description: Text | None = None
    intended_use: Text | None = None
    limitations: Text | None = None

    @field_validator("formats")
    @classmethod
    def _each_once(cls, value: list[Format]) -> list[Format]:
        return list(dict.fromkeys(value))
