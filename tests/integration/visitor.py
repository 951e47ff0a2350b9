"""A browser without a window or JavaScript, that follows a provider's pages by their forms."""

from __future__ import annotations

import re

import httpx

from tests.integration.platform import Platform


class Visitor(httpx.Client):
    """Somebody new; keeps cookies."""

    def __init__(self, platform: Platform) -> None:
        super().__init__(base_url=platform.client.url, timeout=30)

    def begin(self, provider: str = "company", **query: str) -> str:
        """The address at the provider that we send it to."""
        answer = self.get(f"/api/v1/auth/oidc/{provider}/login", params=query)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    def approve(self, at: str, who: str = "anna-7") -> str:
        """Signs in at the provider, up to the address at which it sends us back."""
        answer = self.get(at)
        while True:
            while answer.is_redirect:
                found = str(answer.url.join(answer.headers["location"]))
                if "/callback" in found:
                    return found
                answer = self.get(found)
            assert answer.status_code == 200, answer.text
            action = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)
            assert action is not None
            assert prompt is not None
            form = {"prompt": prompt[1], "login": who, "password": "any"}
            answer = self.post(answer.url.join(action[1]), data=form)

    def come_in(self, provider: str = "company") -> httpx.Response:
        """All of it."""
        return self.get(self.approve(self.begin(provider)))
