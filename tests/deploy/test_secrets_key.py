"""What is deployed has one key for secrets, the same for all roles that need it, and agents do not have it."""

from __future__ import annotations

from base64 import b64decode
from pathlib import Path

from tensorfleet.secrets.keys import KEY_FILE, load_keyring
from tensorfleet.settings import load_settings
from tests.deploy.test_chart import WANTED, render
from tests.deploy.test_compose import make_secrets, read_env

NAME = "TENSORFLEET_SECRETS_KEY"


def used(text: str, home: Path) -> str:
    """The id of the key that a role with this setting seals with."""
    key = load_keyring(load_settings(home=home, secrets_key=text)).current
    assert not (home / KEY_FILE).exists()
    return key


def test_composes_is_a_key_and_another_each_time(tmp_path: Path) -> None:
    found = set()
    for folder in (tmp_path / "a", tmp_path / "b"):
        assert make_secrets(folder).returncode == 0
        found.add(used(read_env(folder / "platform.env")[NAME], tmp_path))
        assert NAME not in read_env(folder / "agent.env")
    assert len(found) == 2


def test_the_charts_is_a_key(tmp_path: Path) -> None:
    secrets = [one for one in render(WANTED) if one["kind"] == "Secret" and NAME in one["data"]]
    assert [one["metadata"]["name"].endswith("-secrets") for one in secrets] == [True]
    assert used(b64decode(secrets[0]["data"][NAME]).decode(), tmp_path)
