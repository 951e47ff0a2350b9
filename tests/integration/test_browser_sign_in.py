"""People who sign in with a real browser, by password and at a real OpenID provider, and let the command line in."""

from __future__ import annotations

import base64
import hmac
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tensorfleet.testing.servers import free_ports
from tests.integration.forger import CLIENT, Forger, forger
from tests.integration.platform import CLI, Platform, running_platform, wait_until
from tests.integration.real_browser import Provider, chromium
from tests.integration.visitor import Visitor

PASSWORD = "correct horse"
PEOPLE = {
    "anna-7": {
        "preferred_username": "anna",
        "email": "anna@example.org",
        "email_verified": True,
        "groups": ["seers"],
    },
    "berta-8": {"preferred_username": "berta", "groups": ["heads"]},
    "carl-9": {"preferred_username": "carl", "groups": ["strangers"]},
}
SESSION = "tensorfleet_session"


@pytest.fixture(scope="module")
def url() -> str:
    """Where the gateway is going to be: providers know it before it starts."""
    return f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.fixture(scope="module")
def provider(url: str) -> Iterator[Provider]:
    uri = f"{url}/api/v1/auth/oidc/company/callback"
    client = {"client_id": "tensorfleet", "client_secret": "a secret of +20%", "redirect_uris": [uri]}
    found = Provider(PEOPLE, client)
    found.start()
    yield found
    found.kill()


@pytest.fixture(scope="module")
def port_of_forger() -> int:
    return free_ports(1)[0]


@pytest.fixture(scope="module")
def port_of_fragile() -> int:
    return free_ports(1)[0]


@pytest.fixture
def fragile(platform: Platform, port_of_fragile: int, url: str) -> Iterator[Provider]:
    """A provider for a test that kills it; without a secret, as programs on phones are."""
    uri = f"{url}/api/v1/auth/oidc/fragile/callback"
    client = {"client_id": "public", "token_endpoint_auth_method": "none", "redirect_uris": [uri]}
    found = Provider(PEOPLE, client, port_of_fragile)
    found.start()
    yield found
    found.kill()


@pytest.fixture
def forged(platform: Platform, port_of_forger: int) -> Iterator[Forger]:
    with forger(port_of_forger) as found:
        yield found


@pytest.fixture(scope="module")
def platform(
    tmp_path_factory: pytest.TempPathFactory,
    url: str,
    provider: Provider,
    port_of_fragile: int,
    port_of_forger: int,
) -> Iterator[Platform]:
    home = tmp_path_factory.mktemp("home")
    company = {
        "name": "company",
        "title": "the company",
        "issuer": provider.issuer,
        "client_id": "tensorfleet",
        "client_secret": "a secret of +20%",
        "scopes": ["openid", "profile", "email", "groups"],
        "required_groups": ["seers", "heads"],
        "roles": {"seers": {"vision": "user"}, "heads": "admin"},
    }
    fragile = {"name": "fragile", "issuer": f"http://localhost:{port_of_fragile}", "client_id": "public"}
    forger = {"name": "forger", "issuer": f"http://127.0.0.1:{port_of_forger}", "client_id": CLIENT}
    settings = {"access": {"url": url, "oidc": [company, fragile, forger]}}
    (home / "tensorfleet.yaml").write_text(json.dumps(settings))
    with running_platform(home, workers=1, port=urlsplit(url).port or 0) as found:
        found.client.access.add_user("local", PASSWORD, role="viewer")
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def context(browser: Browser, platform: Platform) -> Iterator[BrowserContext]:
    """Of somebody new."""
    found = browser.new_context(base_url=platform.client.url)
    found.set_default_timeout(15_000)
    found.route(
        lambda url: urlsplit(url).hostname not in ("127.0.0.1", "localhost"), lambda route: route.abort()
    )
    yield found
    found.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def sign_in_at_provider(page: Page, who: str, following: str = "?next=/sign-in") -> None:
    """With clicks, from our page over the provider's and back."""
    page.goto(f"/sign-in{following}")
    page.get_by_role("link", name="Sign in with the company").click()
    page.get_by_placeholder("Enter any login").fill(who)
    page.get_by_placeholder("and password").fill("any")
    page.get_by_role("button", name="Sign-in").click()
    page.get_by_role("button", name="Continue").click()


def me(page: Page) -> Any:
    return page.request.get("/api/v1/auth/me").json()


def cookies(context: BrowserContext) -> dict[str, Any]:
    return {cookie["name"]: cookie for cookie in context.cookies()}


def test_a_password_signs_a_browser_in_and_out(context: BrowserContext, page: Page) -> None:
    page.goto("/sign-in?next=/sign-in")
    page.get_by_label("User").fill("local")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("status")).to_contain_text("name or password is wrong")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as local.")).to_be_visible()

    kept = cookies(context)[SESSION]
    assert (kept["httpOnly"], kept["sameSite"], kept["secure"], kept["path"]) == (True, "Lax", False, "/")
    assert SESSION not in page.evaluate("document.cookie"), "no page can read it"
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User")).to_be_visible()
    assert SESSION not in cookies(context)
    context.add_cookies([kept])
    assert page.request.get("/api/v1/auth/me").status == 401, "the session is over, not only its cookie"


def change(page: Page, path: str, **headers: str) -> int:
    """The status of a change of one's own sessions, asked with the browser's cookies."""
    return int(page.request.post(f"/api/v1{path}", headers=headers).status)


def test_groups_at_the_provider_are_roles_here(
    context: BrowserContext, page: Page, platform: Platform, provider: Provider
) -> None:
    sign_in_at_provider(page, "anna-7")
    expect(page.get_by_text("Signed in as anna.")).to_be_visible()
    assert SESSION in cookies(context)
    assert "tensorfleet_begun" not in cookies(context)
    assert "jobs:write" in me(page)["workspaces"]["vision"]
    assert page.request.get("/api/v1/models?workspace=vision").status == 200
    assert page.request.get("/api/v1/models?workspace=text").status == 404
    assert page.request.get("/api/v1/users").status == 403

    (member,) = platform.client.access.members("vision")
    assert member == {"user": "anna", "service": False, "role": "user", "given_by": "provider"}
    assert platform.client.access.user("anna")["email"] == "anna@example.org"

    # From now on she is in another group; her sessions are hers until she signs in again, which changes her roles.
    provider.tell(groups={"anna-7": ["heads"]})
    page.goto("/api/v1/auth/oidc/company/login?next=/sign-in")
    expect(page.get_by_text("Signed in as anna.")).to_be_visible()
    assert me(page)["workspaces"] == {}
    assert page.request.get("/api/v1/users").status == 200
    assert platform.client.access.user("anna")["role_given_by"] == "provider"
    provider.tell(groups={"anna-7": ["seers"]})


def test_who_may_not_come_in_stays_out(page: Page, platform: Platform) -> None:
    sign_in_at_provider(page, "carl-9")
    expect(page.get_by_text("it takes one of these groups: seers, heads")).to_be_visible()
    assert page.request.get("/api/v1/auth/me").status == 401
    assert "carl" not in [user["name"] for user in platform.client.access.users()]


def test_an_account_that_was_closed_stays_closed(
    page: Page, context: BrowserContext, platform: Platform
) -> None:
    sign_in_at_provider(page, "berta-8")
    expect(page.get_by_text("Signed in as berta.")).to_be_visible()
    platform.client.access.change_user("berta", disabled=True)
    assert page.request.get("/api/v1/auth/me").status == 401
    page.goto("/api/v1/auth/oidc/company/login")
    expect(page.get_by_text("this account is closed")).to_be_visible()
    platform.client.access.change_user("berta", disabled=False)


def test_a_change_needs_more_than_the_cookie(context: BrowserContext, page: Page) -> None:
    sign_in_at_provider(page, "berta-8")
    expect(page.get_by_text("Signed in as berta.")).to_be_visible()
    token = cookies(context)["tensorfleet_csrf"]["value"]
    assert change(page, "/auth/code") == 403
    assert change(page, "/auth/code", **{"X-CSRF-Token": "0" * 64}) == 403
    assert change(page, "/auth/code", **{"X-CSRF-Token": token, "Origin": "https://evil.example"}) == 403
    assert change(page, "/auth/code", **{"X-CSRF-Token": token}) == 200
    # A page of another site, in the same browser, with all that it can do.
    evil = context.new_page()
    evil.route(
        "http://localhost:9/",
        lambda route: route.fulfill(body="<title>evil</title>", content_type="text/html"),
    )
    evil.goto("http://localhost:9/")
    ask = """async ([url, token]) => {
        try { await fetch(url, {method: 'POST', credentials: 'include', mode: 'no-cors', body: '{}'}) } catch {}
        try { return (await fetch(url, {method: 'POST', credentials: 'include', headers: {'X-CSRF-Token': token}})).status }
        catch (error) { return String(error) }
    }"""
    before = len(page.request.get("/api/v1/auth/sessions").json()["items"])
    assert "TypeError" in str(
        evil.evaluate(ask, [f"{page.url.partition('/sign-in')[0]}/api/v1/auth/logout", token])
    )
    assert len(page.request.get("/api/v1/auth/sessions").json()["items"]) == before
    assert me(page)["username"] == "berta"


def test_nobody_is_signed_in_unawares(platform: Platform) -> None:
    """A page of others sends its own name and password along."""
    body = {"username": "local", "password": PASSWORD}
    address = f"{platform.client.url}/api/v1/auth/session"
    for headers in (
        {"Origin": "https://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ):
        answer = httpx.post(address, json=body, headers=headers)
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers
    answer = httpx.post(address, content=json.dumps(body), headers={"Content-Type": "text/plain"})
    assert answer.status_code == 422, "what a form can send is not read"


def refusal(answer: httpx.Response) -> str:
    assert answer.status_code in (401, 403), (answer.status_code, answer.text)
    assert SESSION not in answer.headers.get("set-cookie", "")
    return str(answer.json()["detail"])


def test_what_comes_back_is_good_once_and_only_where_it_was_begun(platform: Platform) -> None:
    with Visitor(platform) as anna, Visitor(platform) as thief:
        begun = parse_qs(urlsplit(anna.begin()).query)
        assert begun["code_challenge_method"] == ["S256"]
        back = anna.approve(anna.begin())
        # Somebody else's address, opened by one who has begun nothing, and by one who has begun something else.
        assert "not begun in this browser" in refusal(thief.get(back))
        thief.begin()
        assert "not begun in this browser" in refusal(thief.get(back))
        copied = anna.cookies["tensorfleet_begun"]
        answer = anna.get(back)
        assert answer.status_code == 303, answer.text
        assert anna.get("/api/v1/auth/me").json()["username"] == "anna"
        # Once more: by the back button, and by somebody who has copied all that the browser had.
        assert "not begun in this browser" in refusal(anna.get(back))
        thief.cookies.clear()
        thief.cookies.set("tensorfleet_begun", copied)
        assert "used already" in refusal(thief.get(back))


def test_a_new_key_of_the_provider_is_fetched(platform: Platform, provider: Provider) -> None:
    with Visitor(platform) as before, Visitor(platform) as after:
        assert before.come_in().status_code == 303
        provider.tell(rotate=True)
        assert after.come_in().status_code == 303


def test_nobody_is_led_on_to_a_page_of_others(platform: Platform) -> None:
    for following in (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
    ):
        with Visitor(platform) as anna:
            answer = anna.get(anna.approve(anna.begin(next=following)))
            assert (answer.status_code, answer.headers["location"]) == (303, "/")
    with Visitor(platform) as anna:
        assert anna.get(anna.approve(anna.begin(next="/api/docs"))).headers["location"] == "/api/docs"


def test_links_of_others_lead_nowhere_else_in_the_page_either(page: Page) -> None:
    page.goto("/sign-in?next=//evil.example/")
    page.get_by_label("User").fill("local")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(lambda url: urlsplit(url).path == "/")
    for following in ("//evil.example/", "https://evil.example/", "/\\evil.example/", "/%09/evil.example/"):
        page.goto(f"/sign-in?next={following}")
        expect(page.get_by_text("Signed in as local.")).to_be_visible()
    page.goto("/sign-in?next=/health%3Fx=1")
    page.wait_for_url("**/health?x=1")


def test_while_a_provider_is_away_others_work(platform: Platform, fragile: Provider) -> None:
    with Visitor(platform) as here, Visitor(platform) as late, Visitor(platform) as new:
        assert here.come_in("fragile").status_code == 303
        back = late.approve(late.begin("fragile"))
        fragile.kill()
        answer = late.get(back)
        assert answer.status_code == 503
        assert "'fragile' cannot be used now: ConnectError" in answer.json()["detail"]
        late.get(back)
        answer = late.get(back, headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "left alone for a moment" in answer.text
        assert here.get("/api/v1/auth/me").json()["username"].startswith("anna"), "who is signed in stays so"
        assert new.come_in().status_code == 303, "at another provider"
        fragile.start()
        wait_until(lambda: new.come_in("fragile").status_code == 303, "the provider to be asked again")


@pytest.mark.parametrize("at_the_provider", [False, True], ids=["by-password", "at-a-provider"])
def test_the_browser_lets_the_command_line_in(
    page: Page, platform: Platform, tmp_path: Path, at_the_provider: bool
) -> None:
    own = {
        "TENSORFLEET_URL": platform.client.url,
        "TENSORFLEET_HOME": str(tmp_path / "nowhere"),
        "TENSORFLEET_CREDENTIALS": str(tmp_path / "credentials.json"),
    }
    env = {**os.environ, **own}
    login = subprocess.Popen(
        [CLI, "login", "--no-browser", "--json"],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert login.stderr is not None
        assert "Open this address" in login.stderr.readline()
        address = login.stderr.readline().strip()
        page.goto(address)
        if at_the_provider:
            page.get_by_role("link", name="Sign in with the company").click()
            page.get_by_placeholder("Enter any login").fill("anna-7")
            page.get_by_placeholder("and password").fill("any")
            page.get_by_role("button", name="Sign-in").click()
            page.get_by_role("button", name="Continue").click()
        else:
            page.get_by_label("User").fill("local")
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Let it in").click()
        expect(page.get_by_text("You are signed in. You may close this window")).to_be_visible()
        shown, said = login.communicate(timeout=30)
        assert login.returncode == 0, said
    finally:
        login.kill()
        login.communicate()
    expected = "anna" if at_the_provider else "local"
    assert json.loads(shown)["username"] == expected
    whoami = subprocess.run(
        [CLI, "whoami", "--json"], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    assert json.loads(whoami.stdout)["username"] == expected
    # The browser's session and the program's are two: one may end without the other.
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("User")).to_be_visible()
    subprocess.run([CLI, "whoami"], env=env, capture_output=True, timeout=60, check=True)


def exchanged(platform: Platform, forged: Forger, token: Any) -> httpx.Response:
    """What comes of a sign-in for which the provider gives the token that `token` makes of the nonce."""
    with Visitor(platform) as somebody:
        begun = parse_qs(urlsplit(somebody.begin("forger")).query)
        forged.token = lambda: token(begun["nonce"][0])
        query = {"state": begun["state"][0], "code": "c"}
        return somebody.get("/api/v1/auth/oidc/forger/callback", params=query)


def test_only_a_right_token_signs_somebody_in(platform: Platform, forged: Forger) -> None:
    pem = forged.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    def signed(nonce: str, **changes: Any) -> str:
        return jwt.encode(forged.claims(nonce, **changes), forged.key, "RS256", headers={"kid": "only"})

    def confused(nonce: str) -> str:
        head, body = (
            part(json.dumps(one)) for one in ({"alg": "HS256", "kid": "only"}, forged.claims(nonce))
        )
        return f"{head}.{body}.{part(hmac.new(pem, f'{head}.{body}'.encode(), 'sha256').digest())}"

    wrong: dict[str, tuple[Any, str]] = {
        "unsigned": (
            lambda nonce: jwt.encode(forged.claims(nonce), None, "none"),
            "'none', which is not taken",
        ),
        "the public key as a password": (confused, "'HS256', which is not taken"),
        "another sign-in's": (lambda nonce: signed("of another"), "nonce"),
        "another client's": (lambda nonce: signed(nonce, aud="other"), "it is for 'other'"),
        "another issuer's": (lambda nonce: signed(nonce, iss="https://id.example.org"), "it is from"),
        "an old one": (lambda nonce: signed(nonce, exp=int(time.time()) - 100), "expired"),
        "none": (lambda nonce: "", "proves nothing"),
    }
    for what, (token, why) in wrong.items():
        assert why in refusal(exchanged(platform, forged, token)), what
    assert exchanged(platform, forged, signed).status_code == 303
    forged.documents["/keys"] = {"keys": [forged.public(None)]}
    answer = exchanged(platform, forged, lambda nonce: jwt.encode(forged.claims(nonce), forged.key, "RS256"))
    assert answer.status_code == 303, "a token without a key's name, where there is one key"


def test_keys_that_are_made_up_do_not_make_us_ask_without_end(platform: Platform, forged: Forger) -> None:
    for number in range(12):
        token = jwt.encode({}, forged.key, "RS256", headers={"kid": f"new-{number}"})
        assert "does not list" in refusal(exchanged(platform, forged, lambda _, token=token: token))
    assert forged.asked.count("/keys") <= 7


def part(data: str | bytes) -> str:
    raw = data.encode() if isinstance(data, str) else data
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def command_line(platform: Platform, *words: str) -> str:
    env = {**os.environ, "TENSORFLEET_HOME": str(platform.home), "BROWSER": "/bin/false"}
    done = subprocess.run([CLI, *words], env=env, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout.strip()


def test_the_command_line_signs_the_browser_in(page: Page, platform: Platform) -> None:
    address = command_line(platform, "open", "--print")
    assert urlsplit(address).query == "next=%2F"
    page.goto(address)
    page.wait_for_url(lambda url: urlsplit(url).path == "/")
    assert me(page)["username"] == "root"
    assert "#" not in page.url
    page.go_back()
    assert "code=" not in page.url, "the address with the ticket is in no history"
    # Once more, in another browser, by whoever has read it on the screen.
    ticket = parse_qs(urlsplit(address).fragment)["code"][0]
    answer = httpx.post(f"{platform.client.url}/api/v1/auth/session", json={"ticket": ticket})
    assert "used already" in refusal(answer)


def test_nobody_becomes_somebody_else_unasked(page: Page, platform: Platform) -> None:
    page.goto("/sign-in?next=/sign-in")
    page.get_by_label("User").fill("local")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Signed in as local.")).to_be_visible()
    found = json.loads(command_line(platform, "open", "--json"))
    assert (found["username"], found["expires_in"]) == ("root", 60)
    page.goto(found["url"].replace("next=%2F", "next=//evil.example/"))
    expect(page.get_by_text("Signed in as local.")).to_be_visible()
    assert me(page)["username"] == "local"
    page.get_by_role("button", name="Sign in as root").click()
    page.wait_for_url(f"{platform.client.url}/")
    assert me(page)["username"] == "root"


def test_a_key_signs_a_browser_in_no_wider_than_it_is(page: Page, platform: Platform) -> None:
    made = platform.client.access.add_key("laptop", user="local", scopes=["jobs:read"])
    page.goto("/sign-in?next=/sign-in")
    page.get_by_text("Sign in with a key").click()
    page.get_by_label("Key or token").fill("tfk_wrong")
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_role("status")).to_contain_text("not a key of this TensorFleet")
    page.get_by_label("Key or token").fill(made["key"])
    page.get_by_role("button", name="Sign in with the key").click()
    expect(page.get_by_text("Signed in as local.")).to_be_visible()
    assert (me(page)["via"], me(page)["everywhere"]) == ("key", ["jobs:read"])
    platform.client.access.revoke_key(made["key_id"])
    assert page.request.get("/api/v1/auth/me").status == 401


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "local"},
        {"token": "t", "ticket": "t"},
        {"username": "local", "password": "p", "token": "t"},
        {"username": "local", "token": "t"},
    ],
)
def test_one_way_in_at_a_time(platform: Platform, body: dict[str, str]) -> None:
    answer = httpx.post(f"{platform.client.url}/api/v1/auth/session", json=body)
    assert answer.status_code == 422
    assert "one of them alone" in answer.json()["detail"]


def test_the_page_speaks_the_browsers_language(browser: Browser, platform: Platform) -> None:
    context = browser.new_context(base_url=platform.client.url, locale="de-DE")
    try:
        page = context.new_page()
        page.goto("/sign-in")
        expect(page.get_by_role("button", name="Anmelden", exact=True)).to_be_visible()
        assert page.evaluate("document.documentElement.lang") == "de"
    finally:
        context.close()
