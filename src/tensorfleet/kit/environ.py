"""The environment without what is secret in it: for processes that run other people's code."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SECRETS = re.compile(
    r"TENSORFLEET_(.*(TOKEN|SECRET|PASSWORD|BOOTSTRAP|NOTIFY|AGENT_CONFIG).*|(DATABASE|REDIS|MLFLOW)_URL)",
    re.IGNORECASE,
)
_COLLECTORS = re.compile(r"OTEL_EXPORTER_OTLP_(.*_)?HEADERS")
_STORE_KEYS = re.compile(r"AWS_.*(KEY|TOKEN|SECRET|CREDENTIALS|ROLE|PROFILE|CONFIG_FILE).*")


def without_secrets(env: Mapping[str, str], *, store_keys: bool, collectors: bool = False) -> dict[str, str]:
    """Without the platform's passwords and tokens.

    Args:
        store_keys: whether the names by which a program finds its keys of S3 are left in.
        collectors: whether what a collector of traces wants to be shown is, which agents need.
    """
    return {
        name: value
        for name, value in env.items()
        if not _SECRETS.fullmatch(name)
        and (store_keys or not _STORE_KEYS.fullmatch(name))
        and (collectors or not _COLLECTORS.fullmatch(name))
    }
