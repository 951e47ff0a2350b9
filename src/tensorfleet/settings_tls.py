"""The settings of the gateway's TLS: a certificate in files, one of the platform's authority, or one that is ordered by ACME."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"
_DOMAIN = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


class TlsSettings(BaseModel):
    """With what the gateway proves who it is to clients of its HTTP port; plain HTTP when nothing is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    certificate: Path | None = None
    """PEM: the server's certificate, then those that lead to its authority; a path that is not absolute begins at the home."""
    key: Path | None = None
    """PEM, without a passphrase."""
    own: bool = False
    """The platform's own authority gives the certificate, for this machine's names and addresses and for `names`."""
    names: tuple[str, ...] = ()
    redirect_port: int | None = Field(default=None, ge=0, le=65535)
    """A port of plain HTTP that sends everybody to HTTPS; 80 where certificates are ordered by ACME, else none."""
    public_port: int | None = Field(default=None, ge=1, le=65535)
    """Under which port clients reach HTTPS, where it is another than the gateway's."""
    hsts_s: int | None = Field(default=None, ge=0)
    """For how long browsers are told to use HTTPS only; a year, and nothing for an `own` certificate, when not set."""

    @model_validator(mode="after")
    def _are_whole(self) -> TlsSettings:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("needs both, 'certificate' and 'key'")
        if self.own and self.certificate is not None:
            raise ValueError("has either 'own' or 'certificate', not both")
        return self


class AcmeSettings(BaseModel):
    """Certificates of Let's Encrypt, or of another authority that speaks ACME (RFC 8555)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    domains: tuple[str, ...] = Field(default=(), max_length=100)
    """The names that the certificate is for; each leads to this gateway, and the authority reaches it there at port 80."""
    email: str = Field(default="", max_length=200)
    """Whom the authority writes to."""
    directory: str = Field(default=LETS_ENCRYPT, pattern=r"^https://\S+$")
    terms_agreed: bool = False
    """That the authority's terms of service are agreed to."""
    ca: Path | None = None
    """Whom to believe about the directory itself, for an authority that the system does not know."""

    @field_validator("domains")
    @classmethod
    def _are_domains(cls, domains: tuple[str, ...]) -> tuple[str, ...]:
        found = tuple(domain.lower().rstrip(".") for domain in domains)
        wrong = next((one for one in found if not _DOMAIN.fullmatch(one) or len(one) > 253), None)
        if wrong is not None:
            raise ValueError(
                f"'{wrong}' is no name for which this can order; write names such as fleet.example.org, no '*' and no address"
            )
        return found

    @model_validator(mode="after")
    def _is_agreed(self) -> AcmeSettings:
        if self.domains and not self.terms_agreed:
            raise ValueError("needs 'terms_agreed: true', after a look at the authority's terms of service")
        return self
