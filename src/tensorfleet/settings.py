"""Settings of one TensorFleet home: `tensorfleet.yaml` there, overridden by `TENSORFLEET_*`."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from tensorfleet.errors import InvalidInput, nearest
from tensorfleet.kit.addresses import join_address, split_address, stays_here
from tensorfleet.kit.files import write_atomic
from tensorfleet.kit.home import ADDRESS_FILE, TOKEN_FILE, default_home
from tensorfleet.kit.units import parse_size
from tensorfleet.settings_access import AccessSettings, ProviderSettings
from tensorfleet.settings_audit import AuditSettings
from tensorfleet.settings_autoscale import AutoscaleSettings, MinimumWindow
from tensorfleet.settings_health import HealthSettings
from tensorfleet.settings_monitoring import ChannelSettings, MetricsSettings
from tensorfleet.settings_protection import LimitsSettings, OutgoingSettings, WebSettings
from tensorfleet.settings_retention import RetentionRules, RetentionSettings
from tensorfleet.settings_sla import SlaSettings
from tensorfleet.settings_spending import BudgetSettings, PricesSettings
from tensorfleet.settings_tls import AcmeSettings, TlsSettings
from tensorfleet.settings_trust import BootstrapSettings
from tensorfleet.settings_webhooks import WebhooksSettings

__all__ = ["ADDRESS_FILE", "TOKEN_FILE", "Settings", "default_home", "ensure_home", "load_settings"]


_SECRET = re.compile("secret|password|token|key|url|notify|bootstrap|proxy|oidc")


class WorkspaceQuota(BaseModel):
    """What one workspace may take of the fleet at a time, and how much of a shared one is its own."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    slots: int | None = Field(default=None, ge=0)
    cpus: float | None = Field(default=None, ge=0)
    gpus: float | None = Field(default=None, ge=0)
    memory_bytes: Annotated[int, BeforeValidator(parse_size)] | None = Field(default=None, ge=0)
    weight: float = Field(default=1.0, gt=0)


class WorkerTypeSettings(BaseModel):
    """A kind of agent that can be started: `cpus`, `gpus` and `memory` of one; 0 for what its machine has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(default="default", pattern="^[a-z0-9][a-z0-9-]{0,31}$")
    slots: int = Field(default=1, ge=1, le=1024)
    cpus: float = Field(default=0.0, ge=0)
    gpus: float = Field(default=0.0, ge=0)
    memory: Annotated[int, BeforeValidator(parse_size)] = Field(default=0, ge=0)
    cost_per_hour: float = Field(default=0.0, ge=0)
    spot: bool = False
    most: int | None = Field(default=None, ge=0)


class FleetSettings(BaseModel):
    """What starts agents beyond the one of this machine, and of which kinds they are."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    launcher: Literal["local", "ray"] = "local"
    address: str = "auto"
    """Of the Ray cluster: `auto` for the one that this machine is a node of, or `host:port`."""
    placement: Literal["pack", "spread"] = "pack"
    """Agents that are started for one gang: on few machines, or on as many as there are."""
    alone_s: float = Field(default=600.0, ge=0)
    """An agent on another machine that has no task and finds no orchestrator for so long gives its place back."""
    light: bool = True
    """Agents that this machine starts one by one have no warm template before their first task; elsewhere all have."""
    types: tuple[WorkerTypeSettings, ...] = Field(default=(WorkerTypeSettings(),), min_length=1)

    @field_validator("types")
    @classmethod
    def _have_their_own_names(cls, types: tuple[WorkerTypeSettings, ...]) -> tuple[WorkerTypeSettings, ...]:
        names = [one.name for one in types]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two types are named '{twice}'; give each a name of its own")
        return types


class Settings(BaseSettings):
    """What a process of the platform needs to know.  Everything has a default that works on one machine."""

    model_config = SettingsConfigDict(
        env_prefix="TENSORFLEET_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    home: Path = Field(default_factory=default_home)
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    orchestrator_address: str = ""
    """`host:port` or `unix:/path` of the orchestrator's gRPC service; a socket in the home when empty.
    Several, separated by commas, where standbys wait: clients try one after the other."""
    orchestrator_listen: str = ""
    """Where this machine's orchestrator answers; the first of `orchestrator_address` when empty."""
    mutual_tls: Literal["auto", "always", "never"] = "auto"
    """Whether orchestrator, gateway, tuner and agents prove to each other who they are: `auto` where they are spoken to from
    other machines, `never` for a network that does it for them."""
    authority_address: str = ""
    """`host:port` where certificates are given; the first `orchestrator_address` with a port higher by ten when empty."""
    certificate_life_s: float = Field(default=7 * 86400.0, ge=4)
    """How long a certificate is good; it is renewed when half of that is over."""
    authority_secret: SecretStr = SecretStr("")
    """With it the authority lies in the database, sealed: every orchestrator that has the secret is the authority."""
    secrets_key: SecretStr = SecretStr("")
    """What secrets of workspaces are sealed with: 32 random bytes in base64, or `file:/path` of such; several by commas, the
    newest first.  Where it is empty, the file `secrets.key` in the home; gateways and orchestrators need the same."""
    bootstrap: BootstrapSettings = BootstrapSettings()
    """Secrets with which machines of a role let themselves in, where their number follows the load."""
    database_url: str = Field(default="", repr=False)
    object_store_url: str = ""
    object_url_life_s: float = Field(default=300.0, ge=1, le=86400)
    """On S3, how long an address is good at which a task reads an object."""
    mlflow_url: str = Field(default="", repr=False)
    workers: int = Field(default=2, ge=1, le=1024)
    """Slots of the local agent: how many tasks it runs at a time."""
    lease_s: float = Field(default=8.0, gt=0)
    """An agent that is silent for this long has lost its leases."""
    heartbeat_s: float = Field(default=1.0, gt=0)
    save_grace_s: float = Field(default=30.0, gt=0)
    """How long a task may take to save when it has to make room."""
    torch_idle_s: float = Field(default=900.0, gt=0)
    """The agent's template with torch is let go after so long without a task."""
    min_free_disk_bytes: int = Field(default=512 * 1024**2, ge=0)
    """A worker with less free disk than this, or than a hundredth of it, takes no tasks."""
    leader_lease_s: float = Field(default=4.0, ge=1.0)
    """A standby takes over from an orchestrator that has not renewed its lead for this long."""
    policy: Literal["resource_fit", "round_robin", "least_loaded", "affinity"] = "resource_fit"
    """How workers are chosen for a job that can start."""
    quotas: dict[str, WorkspaceQuota] = Field(default_factory=dict)
    """By workspace: at most so many `slots`, `cpus`, `gpus` and `memory_bytes` at a time, and its `weight` in sharing the fleet.
    What administrators set through the API goes before it."""
    grow_after_s: float = Field(default=30.0, ge=0)
    """An elastic job that runs with fewer workers than it wants keeps its size for so long before it gets more."""
    fleet: FleetSettings = FleetSettings()
    """What starts further agents: this machine's own launcher, or a Ray cluster."""
    autoscale: AutoscaleSettings = Field(default_factory=AutoscaleSettings)
    """How many workers there may be, and when there are more or fewer; off unless `enabled`."""
    health: HealthSettings = HealthSettings()
    """When machines are looked at, and from where on one is not well."""
    metrics: MetricsSettings = MetricsSettings()
    """Ports at which the roles without an API show their metrics."""
    notify: tuple[ChannelSettings, ...] = ()
    """Who is told of failed jobs, lost workers and full disks, and how."""
    prices: PricesSettings = Field(default_factory=PricesSettings)
    """What cores, GPUs and memory cost in an hour, and the carbon of the fleet's electricity."""
    budgets: dict[str, BudgetSettings] = Field(default_factory=dict)
    """By workspace: what it may spend in a month, and what happens then."""
    sla: SlaSettings = Field(default_factory=SlaSettings)
    """What is promised, to all and to single workspaces, and how its keeping is measured."""
    access: AccessSettings = AccessSettings()
    """How people sign in by browser, and at which OpenID providers."""
    audit: AuditSettings = AuditSettings()
    """What the audit log records, and for how long."""
    limits: LimitsSettings = LimitsSettings()
    """How much each user or key may ask of the API."""
    tls: TlsSettings = TlsSettings()
    """With what the gateway proves who it is to clients of its HTTP port."""
    acme: AcmeSettings = AcmeSettings()
    """Of whom certificates for the gateway are ordered, and for which names."""
    web: WebSettings = WebSettings()
    """Under which names the gateway is asked, from which pages, and through which proxies."""
    outgoing: OutgoingSettings = OutgoingSettings()
    """Whom the server itself may ask, such as the servers of webhooks."""
    retention: RetentionSettings = RetentionSettings()
    """How long is kept what has ended; what is not named here for ever."""
    webhooks: WebhooksSettings = WebhooksSettings()
    """How messages to webhooks are delivered, and when they are given up."""
    redis_url: str = Field(default="", repr=False)
    """Wakes streams at once where several gateways run; nothing is kept there."""
    max_upload_bytes: int = Field(default=1024**4, gt=0)
    log_limit_bytes: int = Field(default=256 * 1024**2, gt=0)
    """Log bytes kept per task; beyond it the log says so and goes on without them."""

    @field_validator("orchestrator_address", "orchestrator_listen", "authority_address")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for one in filter(None, value.split(",")):
            if not one.strip().startswith("unix:"):
                try:
                    split_address(one)
                except ValueError as error:
                    raise ValueError("has to be host:port or unix:/path") from error
        return value

    @model_validator(mode="after")
    def _has_one_certificate(self) -> Settings:
        if self.acme.domains and (self.tls.own or self.tls.certificate):
            raise ValueError("has both 'acme' and 'tls' with a certificate; leave one of them out")
        return self

    @field_validator("notify")
    @classmethod
    def _have_channels_of_their_own(
        cls, channels: tuple[ChannelSettings, ...]
    ) -> tuple[ChannelSettings, ...]:
        names = [one.name for one in channels]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two channels are named '{twice}'; give each a name of its own")
        return channels

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'tensorfleet.db'}"

    @property
    def objects(self) -> str:
        return self.object_store_url or f"file://{self.home / 'objects'}"

    @property
    def mlflow(self) -> str:
        return self.mlflow_url or f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def orchestrator(self) -> str:
        return self.orchestrator_address or f"unix:{self.run_dir / 'orchestrator.sock'}"

    @property
    def listen(self) -> str:
        return self.orchestrator_listen or self.orchestrator.split(",")[0].strip()

    @property
    def secured(self) -> bool:
        """Whether the orchestrator's address is spoken to with certificates."""
        addresses = [
            one for one in (*self.orchestrator.split(","), self.listen) if not one.strip().startswith("unix:")
        ]
        if self.mutual_tls == "auto":
            return not all(stays_here(one) for one in addresses)
        return self.mutual_tls == "always" and bool(addresses)

    @property
    def authority(self) -> str:
        if self.authority_address:
            return self.authority_address
        tcp = [one for one in self.orchestrator.split(",") if not one.strip().startswith("unix:")]
        if not tcp and self.listen.startswith("unix:"):
            return ""  # nobody joins from elsewhere
        host, port = split_address(tcp[0] if tcp else self.listen)
        return join_address(host, port + 10)

    @property
    def encrypted(self) -> bool:
        """Whether the gateway speaks HTTPS."""
        return bool(self.tls.own or self.tls.certificate or self.acme.domains)

    @property
    def https_for_s(self) -> int:
        """For how long browsers are told to use HTTPS only.  Names of a certificate of our own are those of a machine that may
        have other servers without."""
        if self.tls.hsts_s is not None:
            return self.tls.hsts_s
        return 0 if self.tls.own else 365 * 86400

    @property
    def redirect_port(self) -> int | None:
        """Where plain HTTP is answered with the way to HTTPS, and with what ACME asks for; None for nowhere."""
        if not self.encrypted or self.tls.redirect_port is not None:
            return self.tls.redirect_port if self.encrypted else None
        return 80 if self.acme.domains else None

    @property
    def pki_dir(self) -> Path:
        """Keys and certificates of this home."""
        return self.home / "pki"

    @property
    def run_dir(self) -> Path:
        """Sockets and pid files.  Unix socket paths end at 107 bytes, so a deep home gets a short folder elsewhere."""
        path = self.home / "run"
        if len(str(path)) <= 80:
            return path
        import hashlib
        import tempfile

        digest = hashlib.sha256(str(self.home.resolve()).encode()).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"tensorfleet-{os.getuid()}-{digest}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = Path(init_settings().get("home") or default_home())
        return (
            init_settings,
            env_settings,
            YamlConfigSettingsSource(settings_cls, yaml_file=home / "tensorfleet.yaml"),
        )


def load_settings(**overrides: Any) -> Settings:
    """Settings from arguments, environment and the home's `tensorfleet.yaml`, in this order.

    Raises:
        InvalidInput: a setting is unknown or has a wrong value.
    """
    try:
        settings = Settings(**{key: value for key, value in overrides.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise InvalidInput(
                f"there is no setting '{field}'; {nearest(field, _names_beside(field))}"
            ) from None
        what = first["msg"].removeprefix("Value error, ")
        what = what[0].lower() + what[1:]
        raise InvalidInput(f"setting '{field}' {what.removeprefix('input ')}{_shown(first)}") from None
    except yaml.YAMLError as error:
        raise InvalidInput(f"tensorfleet.yaml cannot be read: {error}") from error
    return settings


def _shown(problem: Any) -> str:
    """What a setting is, if that can be told: it is no secret, and has none in it."""
    value, names = problem["input"], ".".join(str(part) for part in problem["loc"])
    if _SECRET.search(names) or not isinstance(value, str | int | float):
        return ""
    return f", but is {value!r}"


def _names_beside(field: str) -> list[str]:
    """The settings that there are where this one was looked for."""
    models: dict[str, type[BaseModel]] = {
        "access": AccessSettings,
        "access.oidc": ProviderSettings,
        "audit": AuditSettings,
        "fleet": FleetSettings,
        "fleet.types": WorkerTypeSettings,
        "autoscale": AutoscaleSettings,
        "autoscale.schedule": MinimumWindow,
        "health": HealthSettings,
        "prices": PricesSettings,
        "sla": SlaSettings,
        "metrics": MetricsSettings,
        "notify": ChannelSettings,
        "bootstrap": BootstrapSettings,
        "limits": LimitsSettings,
        "web": WebSettings,
        "tls": TlsSettings,
        "acme": AcmeSettings,
        "outgoing": OutgoingSettings,
        "webhooks": WebhooksSettings,
        "retention": RetentionSettings,
        "retention.workspaces": RetentionRules,
    }
    where = re.sub(r"\.\d+", "", field).rpartition(".")[0]
    return [f"{where}.{name}" if where else name for name in models.get(where, Settings).model_fields]


def ensure_home(settings: Settings) -> str:
    """Creates the home, readable by its owner only, and its random token at first start; returns the token."""
    settings.home.mkdir(parents=True, exist_ok=True)
    settings.home.chmod(0o700)
    settings.run_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = settings.home / TOKEN_FILE
    if not path.exists():
        write_atomic(path, secrets.token_urlsafe(32).encode(), mode=0o600)
    return path.read_text().strip()
