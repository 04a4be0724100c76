"""The settings of who may look."""

from __future__ import annotations

import ipaddress
from functools import cached_property
from typing import Annotated, TypeAlias

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


class AccessSettings(BaseSettings):
    """Beside KONVERSI_API_KEY, which stands with the gateway's own."""

    audit_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        365, validation_alias="KONVERSI_AUDIT_DAYS", description="Days for which the record of changes is kept."
    )
    trusted_proxies: str = Field(
        "127.0.0.0/8,::1/128",
        validation_alias="KONVERSI_TRUSTED_PROXIES",
        description="Networks of your own proxies: only their `X-Forwarded-For` says where somebody logs in from.",
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        try:
            _read(value)
        except ValueError:
            raise ValueError("must be networks such as 10.0.0.0/8, with commas between them") from None
        return value

    @cached_property
    def proxies(self) -> tuple[Network, ...]:
        """Whose `X-Forwarded-For` is believed."""
        return _read(self.trusted_proxies)


def _read(text: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(one.strip(), strict=False) for one in text.split(",") if one.strip())
