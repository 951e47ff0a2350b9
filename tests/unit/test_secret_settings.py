"""Settings that are secrets are told to nobody: in no message about what is wrong with them, and not to processes of jobs."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from tensorfleet.adapters.database import Database
from tensorfleet.errors import InvalidInput, Unavailable
from tensorfleet.kit.environ import without_secrets
from tensorfleet.settings import load_settings

PLANTED = "pl" + "anted-secret"  # not as one word in this file, which a traceback shows
CHANNEL = {"name": "ops", "type": "webhook", "url": f"ftp://host/{PLANTED}"}
MAIL = {"name": "ops", "type": "email", "server": "mail:25", "password": PLANTED}


@pytest.mark.parametrize(
    "given",
    [
        {"notify": [CHANNEL]}, {"notify": [MAIL]}, {"notify": PLANTED}, {"notify": [PLANTED]},
        {"authority_secret": [PLANTED]}, {"secrets_key": {PLANTED: 1}}, {"bootstrap": {"agent": [PLANTED]}},
        {"metrics": {"token": [PLANTED]}}, {"database_url": [f"postgresql://u:{PLANTED}@h/d"]},
        {"outgoing": {"proxy": f"http://u:{PLANTED}@proxy"}},
    ],
    ids=range(10),
)  # fmt: skip
def test_a_wrong_setting_is_told_without_what_is_secret(tmp_path: Path, given: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        load_settings(home=tmp_path, **given)
    assert PLANTED not in caught.value.detail
    assert next(iter(given)) in caught.value.detail


def test_a_wrong_setting_that_is_none_is_shown(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="but is 'many'"):
        load_settings(home=tmp_path, workers="many")


def test_settings_as_text_have_no_password(tmp_path: Path) -> None:
    url = f"postgresql://u:{PLANTED}@h/d"
    settings = load_settings(
        home=tmp_path, database_url=url, mlflow_url=url, redis_url=f"redis://:{PLANTED}@h", secrets_key=PLANTED,
        notify=[{**MAIL, "sender": "a@b", "to": ["c@d"]}],
    )  # fmt: skip
    assert PLANTED not in repr(settings) + str(settings)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{PLANTED}@h:no-port/d", f"postgresql://u:a@b:{PLANTED}@h/d", f"mysql://u:{PLANTED}@h/d", PLANTED,
        f"postgresql://u:{PLANTED}@127.0.0.1:1/d",
    ],
    ids=range(5),
)  # fmt: skip
def test_a_database_that_will_not_do_is_told_without_its_password(url: str) -> None:
    with pytest.raises((InvalidInput, Unavailable)) as caught:
        Database(url).ping()
    assert PLANTED not in "".join(traceback.format_exception(caught.value)[-1:]) + caught.value.detail


def test_processes_of_jobs_do_not_have_the_platforms_key() -> None:
    env = {"TENSORFLEET_SECRETS_KEY": PLANTED, "tensorfleet_secrets_key": PLANTED, "TENSORFLEET_HOME": "h"}
    assert without_secrets(env, store_keys=True) == {"TENSORFLEET_HOME": "h"}
    headers = {"OTEL_EXPORTER_OTLP_HEADERS": PLANTED, "OTEL_EXPORTER_OTLP_TRACES_HEADERS": PLANTED}
    assert without_secrets(headers, store_keys=True) == {}
    assert without_secrets(headers, store_keys=True, collectors=True) == headers, (
        "agents tell the collector themselves"
    )
