"""Who calls: accounts, sessions, keys and browsers over the gateway's database, and who is remembered of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from fastapi import APIRouter

import tensorfleet.access.endpoints
import tensorfleet.gateway.sign_in
import tensorfleet.quotas.endpoints
from tensorfleet.access.sealed_store import SealedAccessStore
from tensorfleet.access.service import AccessService
from tensorfleet.access.sign_in import Remembered, SignIn
from tensorfleet.adapters.redis_buckets import RedisBuckets
from tensorfleet.composition import Services
from tensorfleet.gateway.browser import Browser, browser_of
from tensorfleet.gateway.limits import SignInLimits
from tensorfleet.gateway.personal import personal_fields
from tensorfleet.kit.buckets import MemoryBuckets
from tensorfleet.kit.clock import utc_now
from tensorfleet.personal.fields import PersonalFields
from tensorfleet.quotas.service import QuotaService
from tensorfleet.settings import Settings


@dataclass
class People:
    fields: PersonalFields
    store: SealedAccessStore
    guard: SignInLimits
    sign_in: SignIn
    known: Remembered
    browser: Browser
    also_forget: list[Callable[[], None]] = field(default_factory=list)

    def forget(self) -> None:
        """After a change of anybody's rights: whoever calls next is looked up anew."""
        for forgotten in (self.known.forget, self.browser.forget, *self.also_forget):
            forgotten()

    def routers(self, services: Services, token: str, wake: Callable[[], None]) -> Iterator[APIRouter]:
        """What there is to say and to change about people and workspaces."""
        service = AccessService(self.store, token, utc_now, self.forget, self.fields)
        yield tensorfleet.access.endpoints.build_router(service, self.sign_in, self.forget)
        quotas = QuotaService(
            services.quotas, lambda name: self.store.find_workspace(name) is not None, utc_now, wake
        )
        yield tensorfleet.quotas.endpoints.build_router(quotas)
        yield tensorfleet.gateway.sign_in.build_router(
            services.settings, token, self.store, self.browser, self.sign_in, service, self.guard
        )


def people_of(
    settings: Settings, token: str, services: Services, buckets: MemoryBuckets | RedisBuckets
) -> People:
    fields = personal_fields(services.database, token)
    store = SealedAccessStore(services.database, fields)
    guard = SignInLimits(settings.limits, buckets)
    sign_in = SignIn(store, token, utc_now, guard, settings.metrics.token.get_secret_value())
    known = Remembered(sign_in.principal, time.monotonic)
    return People(fields, store, guard, sign_in, known, browser_of(settings, store, token))
