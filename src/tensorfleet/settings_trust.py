"""The settings of trust between machines that are secrets: what lets machines in, and what seals the authority."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr

from tensorfleet.errors import InvalidInput

LEAST_LENGTH = 32
"""Of a secret.  It is random and not a word: whoever asks gets something made with it, and could try words at home."""


class BootstrapSettings(BaseModel):
    """By role, the secret with which its machines let themselves in; several, by commas, while one follows the other."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    agent: SecretStr = SecretStr("")
    gateway: SecretStr = SecretStr("")
    tuner: SecretStr = SecretStr("")

    def of(self, role: str) -> tuple[str, ...]:
        """The secrets of a role, the newest first; none for roles that have to be invited.

        Raises:
            InvalidInput: one is too short.
        """
        if role not in type(self).model_fields:
            return ()
        return strong(f"bootstrap.{role}", getattr(self, role))

    def by_role(self) -> dict[str, tuple[str, ...]]:
        return {role: self.of(role) for role in type(self).model_fields}


def strong(name: str, value: SecretStr) -> tuple[str, ...]:
    """The secrets of a setting.  Raises InvalidInput, without the value, when one is too short."""
    found = tuple(one.strip() for one in value.get_secret_value().split(",") if one.strip())
    for one in found:
        if len(one) < LEAST_LENGTH:
            raise InvalidInput(
                f"the secret in '{name}' has {len(one)} characters; take {LEAST_LENGTH} random ones at least"
            )
    return found
