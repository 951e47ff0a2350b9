from __future__ import annotations

import pytest

from tensorfleet.kit.environ import without_secrets

HARMLESS = {
    "PATH": "/bin",
    "TENSORFLEET_HOME": "/h",
    "TENSORFLEET_URL": "http://h:1",
    "TENSORFLEET_LOG_LEVEL": "info",
    "TENSORFLEET_OBJECT_STORE_URL": "s3://b",
    "AWS_REGION": "eu-1",
    "UV_INDEX": "https://packages",
    "HF_TOKEN": "their own",
}
SECRETS = [
    "TENSORFLEET_TOKEN",
    "TENSORFLEET_JOIN_TOKEN",
    "TENSORFLEET_AGENT_CONFIG",
    "TENSORFLEET_DATABASE_URL",
    "TENSORFLEET_REDIS_URL",
    "TENSORFLEET_MLFLOW_URL",
    "tensorfleet_database_url",
    "TENSORFLEET_AUTHORITY_SECRET",
    "TENSORFLEET_BOOTSTRAP__AGENT",
    "TENSORFLEET_NOTIFY",
    "TENSORFLEET_NOTIFY__0__PASSWORD",
]
KEYS = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_PROFILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
]


@pytest.mark.parametrize("store_keys", [True, False])
def test_the_platforms_secrets_go_and_others_stay(store_keys: bool) -> None:
    keys = dict.fromkeys(KEYS, "k")
    given = {**HARMLESS, **dict.fromkeys(SECRETS, "s"), **keys}
    assert without_secrets(given, store_keys=store_keys) == HARMLESS | (keys if store_keys else {})
