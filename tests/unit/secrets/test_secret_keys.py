"""Where the platform's keys come from."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tensorfleet.errors import Conflict, InvalidInput
from tensorfleet.kit.sealing import new_sealing_key
from tensorfleet.secrets.envelope import key_id
from tensorfleet.secrets.keys import KEY_FILE, add_key, load_keyring, text_of
from tensorfleet.settings import load_settings


def test_a_home_makes_its_key_once_and_keeps_it_to_its_owner(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    first = load_keyring(settings)
    assert load_keyring(settings).current == first.current
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {KEY_FILE, "secrets.lock"}


def test_processes_that_come_at_once_agree(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        assert len({ring.current for ring in pool.map(lambda _: load_keyring(settings), range(16))}) == 1


def test_a_key_that_is_added_is_current_and_the_former_still_opens(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    sealed = load_keyring(settings).seal(b"v", "here")
    new = add_key(settings)
    ring = load_keyring(settings)
    assert ring.current == new
    assert ring.open(sealed, "here") == b"v"
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_home_that_cannot_be_written_says_what_to_do(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "not" / "there")
    with pytest.raises(InvalidInput, match="give one in the setting 'secrets_key'"):
        load_keyring(settings)


def test_keys_of_the_setting_are_values_and_files(tmp_path: Path) -> None:
    new, old, older = new_sealing_key(), new_sealing_key(), new_sealing_key()
    path = tmp_path / "keys"
    path.write_text(f"{text_of(old)}\n{text_of(older)}\n")
    settings = load_settings(home=tmp_path, secrets_key=f"{text_of(new)}, file:{path}")
    ring = load_keyring(settings)
    assert ring.current == key_id(new)
    assert ring.ids == (key_id(new), key_id(old), key_id(older))
    assert not (tmp_path / KEY_FILE).exists()
    with pytest.raises(Conflict, match="put a new one in front"):
        add_key(settings)


@pytest.mark.parametrize(
    "given", ["planted-no-key", f"planted{text_of(bytes(16))}", "file:/nowhere/keys", ","]
)
def test_a_wrong_key_is_told_without_showing_it(tmp_path: Path, given: str) -> None:
    settings = load_settings(home=tmp_path, secrets_key=given)
    with pytest.raises(InvalidInput) as caught:
        load_keyring(settings)
    if "planted" in given:
        assert given not in str(caught.value) + repr(settings)
