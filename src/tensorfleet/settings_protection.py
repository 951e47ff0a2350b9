"""The settings that protect the gateway: how much one caller may ask, from where, and whom the server itself may ask."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(:\d{1,5})?")
_HOST = re.compile(r"\[[0-9a-f:.]+\]|(\*\.)?[a-z0-9]([a-z0-9._-]*[a-z0-9])?")


def _network(value: Any) -> Any:
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(
            "is no network; write one as 10.1.0.0/16, with nothing after its length's last bit"
        ) from error


Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]


class LimitSettings(BaseModel):
    """So many at once, and so many in `per_s` seconds for as long as it goes on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    quota: int = Field(ge=1, le=10**9)
    per_s: float = Field(default=60.0, gt=0, le=7 * 86400)


class LimitsSettings(BaseModel):
    """How much each user or key may ask of the API.  Whoever has the home's own token is not limited."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True
    """Failed sign-ins are counted all the same."""
    read: LimitSettings = LimitSettings(quota=6000)
    write: LimitSettings = LimitSettings(quota=3000)
    data: LimitSettings = LimitSettings(quota=6000)
    """Parts of uploads and downloads."""
    stream: LimitSettings = LimitSettings(quota=600)
    """Live streams that are opened."""
    anonymous: LimitSettings = LimitSettings(quota=3000)
    """By address: what may be read without signing in, and the sign-in itself."""
    failed_name: LimitSettings = LimitSettings(quota=20, per_s=1200)
    """Sign-ins that failed, by the name that was tried."""
    failed_address: LimitSettings = LimitSettings(quota=60, per_s=1200)
    """Sign-ins that failed, by the address that they came from."""


class WebSettings(BaseModel):
    """Who may speak with the gateway from where."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: tuple[str, ...] = ()
    """The names under which the gateway is asked, without ports; `*.example.org` for all below.  None: any name will do."""
    origins: tuple[str, ...] = ()
    """Pages of these origins (`https://host:port`) may ask the API from a browser.  None: only the gateway's own."""
    credentials: bool = False
    """They may do so with the cookies of whoever looks at them."""
    proxies: tuple[Network, ...] = ()
    """Where the proxies in front are: they are believed what they say of a client's address and of TLS."""

    @field_validator("hosts")
    @classmethod
    def _are_hosts(cls, hosts: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(host.lower() for host in hosts)
        wrong = next((host for host in found if not _HOST.fullmatch(host)), None)
        if wrong is not None:
            raise ValueError(
                f"'{wrong}' is no host; write names without scheme and port, such as fleet.example.org"
            )
        return found

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(origin.lower() for origin in origins)
        wrong = next((origin for origin in found if not _ORIGIN.fullmatch(origin)), None)
        if wrong is not None:
            raise ValueError(
                f"'{wrong}' is no origin; write each as https://host or https://host:port, without a path"
            )
        return found


class OutgoingSettings(BaseModel):
    """Whom the server may ask by itself: hosts of the internet, and what is allowed here."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow: tuple[Network, ...] = ()
    """Networks that are not of the internet, such as `10.1.0.0/16`, that may be asked as well."""
    proxy: str = Field(default="", pattern=r"^$|^https?://[^@\s/]+/?$")
    """What everything goes through, if anything; it finds the addresses of names then, and has to guard them."""
