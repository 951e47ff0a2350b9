"""`GET /settings`: what the platform runs with.  Which sections and fields are shown is chosen by name, so that no secret is."""

from __future__ import annotations

import platform
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from tensorfleet import __version__
from tensorfleet.kit.answers import answers
from tensorfleet.settings import Settings

_LIMITS = (
    "max_upload_bytes", "log_limit_bytes", "min_free_disk_bytes", "lease_s", "heartbeat_s", "leader_lease_s",
    "save_grace_s", "torch_idle_s", "grow_after_s", "certificate_life_s", "object_url_life_s",
)  # fmt: skip
_OBJECTIVES = (
    "availability",
    "submission_p95_s",
    "job_success",
    "queue_wait_p95_s",
    "workspaces",
    "keep_days",
)
_KINDS = {"file": "folder"}


class Runs(TypedDict):
    """On what: kinds, never addresses."""

    database: Annotated[str, Field(examples=["sqlite", "postgresql"])]
    objects: Annotated[str, Field(examples=["folder", "s3"])]
    tracking: str
    launcher: str
    policy: Annotated[str, Field(description="how workers are chosen for a job that can start")]
    python: str


class Features(TypedDict):
    """What is on."""

    https: bool
    mutual_tls: bool
    redis: bool
    autoscaling: bool
    limits: Annotated[bool, Field(description="of how much each caller may ask")]
    audit_of_reads: bool
    prices: Annotated[bool, Field(description="whether anything costs something")]
    oidc: Annotated[list[str], Field(description="providers that people may sign in at")]
    notices: Annotated[list[str], Field(description="channels by which people are told of trouble")]


class SettingsRead(TypedDict):
    """What the platform runs with, without secrets and addresses; durations are in seconds."""

    version: str
    runs: Runs
    features: Features
    limits: Annotated[dict[str, Any], Field(description="`requests` by the kind of request, and others")]
    retention: dict[str, Any]
    quotas: Annotated[dict[str, Any], Field(description="by workspace, as far as the settings have them")]
    budgets: dict[str, Any]
    prices: dict[str, Any]
    sla: dict[str, Any]
    autoscale: dict[str, Any]
    fleet: dict[str, Any]
    health: dict[str, Any]
    webhooks: dict[str, Any]
    audit: dict[str, Any]


def settings_to_dict(settings: Settings) -> dict[str, Any]:
    return {
        "version": __version__,
        "runs": {
            "database": _kind(settings.database),
            "objects": _kind(settings.objects),
            "tracking": _kind(settings.mlflow),
            "launcher": settings.fleet.launcher,
            "policy": settings.policy,
            "python": platform.python_version(),
        },
        "features": _features(settings),
        "limits": {
            **{name: getattr(settings, name) for name in _LIMITS},
            "requests": _plain(settings.limits),
        },
        "retention": _plain(settings.retention),
        "quotas": {name: _plain(quota) for name, quota in settings.quotas.items()},
        "budgets": {name: _plain(budget) for name, budget in settings.budgets.items()},
        "prices": _plain(settings.prices),
        "sla": _plain(settings.sla, *_OBJECTIVES),
        "autoscale": _plain(settings.autoscale),
        "fleet": _plain(settings.fleet, "placement", "light", "alone_s", "types"),
        "health": _plain(settings.health),
        "webhooks": _plain(settings.webhooks),
        "audit": _plain(settings.audit),
    }


def _features(settings: Settings) -> dict[str, Any]:
    prices = (settings.prices, *settings.prices.types.values())
    return {
        "https": settings.encrypted,
        "mutual_tls": settings.secured,
        "redis": bool(settings.redis_url),
        "autoscaling": settings.autoscale.enabled,
        "limits": settings.limits.enabled,
        "audit_of_reads": settings.audit.reads,
        "prices": any(one.cpu_hour or one.gpu_hour or one.memory_gb_hour for one in prices),
        "oidc": [provider.name for provider in settings.access.oidc],
        "notices": [channel.name for channel in settings.notify],
    }


def _plain(section: BaseModel, *names: str) -> dict[str, Any]:
    """By alias as it stands in the file; of `names` alone where they are given."""
    return section.model_dump(mode="json", by_alias=True, include=set(names) or None)


def _kind(url: str) -> str:
    scheme = urlsplit(url).scheme.partition("+")[0]
    return _KINDS.get(scheme, scheme)


def build_router(settings: Settings) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/settings", responses=answers(SettingsRead))
    async def get_settings() -> dict[str, Any]:
        """What the platform runs with: kinds of stores, limits, retention, prices, and what is on; no secrets."""
        return settings_to_dict(settings)

    return router
