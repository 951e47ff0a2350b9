from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tensorfleet.access.model import Role
from tensorfleet.errors import InvalidInput
from tensorfleet.settings import Settings, load_settings

COMPANY: dict[str, Any] = {
    "name": "company",
    "issuer": "https://id.example.org/realms/x",
    "client_id": "tensorfleet",
}
URL = "https://fleet.example.org"


def loaded(home: Path, access: dict[str, Any]) -> Settings:
    (home / "tensorfleet.yaml").write_text(yaml.safe_dump({"access": access}))
    return load_settings(home=home)


def test_a_provider_as_people_write_it(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    roles = {"seers": {"vision": "user"}, "heads": "admin"}
    more = {"roles": roles, "client_secret_file": str(tmp_path / "secret"), "email_domains": ["@Example.org"]}
    (found,) = loaded(tmp_path, {"url": f"{URL}/", "oidc": [COMPANY | more]}).access.oidc
    assert found.roles == {"seers": {"vision": Role.USER}, "heads": Role.ADMIN}
    assert found.secret() == "from a file"
    assert found.email_domains == ("example.org",)
    assert loaded(tmp_path, {"url": URL, "oidc": [COMPANY]}).access.oidc[0].secret() == ""


def test_its_secret_is_not_shown(tmp_path: Path) -> None:
    found = loaded(tmp_path, {"url": URL, "oidc": [COMPANY | {"client_secret": "very secret"}]})
    assert found.access.oidc[0].secret() == "very secret"
    assert "very secret" not in repr(found)


@pytest.mark.parametrize(
    ("access", "why"),
    [
        ({"oidc": [COMPANY]}, "needs url"),
        ({"url": URL, "oidc": [COMPANY, COMPANY]}, "two providers named 'company'"),
        ({"url": "http://fleet.example.org"}, "https://host"),
        ({"url": f"{URL}/path"}, "https://host"),
        ({"url": "fleet.example.org"}, "https://host"),
        ({"url": URL, "oidc": [COMPANY | {"issuer": "http://id.example.org"}]}, "https URL"),
        ({"url": URL, "oidc": [COMPANY | {"issuer": "https://id.example.org?x=1"}]}, "https URL"),
        ({"url": URL, "oidc": [COMPANY | {"issuer": "https://u:p@id.example.org"}]}, "https URL"),
        ({"url": URL, "oidc": [COMPANY | {"issuer": "https://[::1"}]}, "https URL"),
        ({"url": URL, "oidc": [COMPANY | {"name": "Ours"}]}, "name"),
        ({"url": URL, "oidc": [COMPANY | {"scopes": ["email"]}]}, "'openid'"),
        ({"url": URL, "oidc": [COMPANY | {"roles": {"g": "owner"}}]}, "roles"),
        ({"url": URL, "oidc": [COMPANY | {"clientid": "x"}]}, "did you mean 'access.oidc.client_id'"),
    ],
)
def test_what_cannot_work_or_is_not_safe_is_refused(tmp_path: Path, access: dict[str, Any], why: str) -> None:
    with pytest.raises(InvalidInput, match=why):
        loaded(tmp_path, access)


def test_containers_have_it_in_their_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TENSORFLEET_ACCESS__URL", URL)
    monkeypatch.setenv("TENSORFLEET_ACCESS__OIDC", json.dumps([COMPANY]))
    (found,) = load_settings(home=tmp_path).access.oidc
    assert found.issuer == COMPANY["issuer"]


@pytest.mark.parametrize("url", ["http://localhost:8080", "http://127.0.0.1:8080", "http://[::1]:8080"])
def test_this_machine_needs_no_tls(tmp_path: Path, url: str) -> None:
    assert loaded(tmp_path, {"url": url, "oidc": [COMPANY | {"issuer": url}]}).access.url == url
