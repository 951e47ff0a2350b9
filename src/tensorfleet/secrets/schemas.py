"""What goes over the wire about secrets: values in, never out."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from typing_extensions import TypedDict

from tensorfleet.kit.answers import Instant
from tensorfleet.kit.clock import rfc3339
from tensorfleet.secrets.model import MOST_BYTES, Rotation, Secret


class SecretBody(BaseModel):
    model_config = ConfigDict(extra="forbid")

    value: Annotated[SecretStr, Field(min_length=1, max_length=MOST_BYTES)]


class SecretRead(TypedDict):
    """A secret without its value, which no call gives back."""

    name: str
    workspace: str
    version: Annotated[int, Field(description="grows by one each time it is set")]
    created_at: Instant
    created_by: str
    updated_at: Instant
    updated_by: str
    last_used_at: Annotated[Instant | None, Field(description="when a task was last given it")]


class RotationRead(TypedDict):
    key: Annotated[str, Field(description="the id of the key that everything is sealed with now")]
    resealed: int
    unreadable: Annotated[
        list[str], Field(description="`workspace/name` of those for which the gateway has no key")
    ]


def secret_to_dict(secret: Secret) -> dict[str, Any]:
    return {
        "name": secret.name,
        "workspace": secret.workspace,
        "version": secret.version,
        "created_at": rfc3339(secret.created_at),
        "created_by": secret.created_by,
        "updated_at": rfc3339(secret.updated_at),
        "updated_by": secret.updated_by,
        "last_used_at": rfc3339(secret.last_used_at),
    }


def rotation_to_dict(rotation: Rotation) -> dict[str, Any]:
    return {
        "key": rotation.key,
        "resealed": rotation.resealed,
        "unreadable": list(rotation.unreadable),
    }
