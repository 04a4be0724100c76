"""Where the customer's browser is, and what it is: never hashed, and only the customer's own.

Source: Meta, Conversions API: customer information parameters (`client_ip_address`, `client_user_agent`).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

from konversi.matching.reading import Reading, Remark, Setting

_NOT_AN_IP = Remark(
    None, "ip_not_valid", "This is not one IPv4 or IPv6 address, so it is left out. Send the address alone."
)
_NOT_PUBLIC = Remark(
    None,
    "ip_not_public",
    "The address is private or reserved, so it is left out: it is a proxy's or yours. Send the customer's own.",
)
_NO_AGENT = Remark(
    None, "user_agent_not_valid", "The user agent is not printable, so it is left out. Send the header as received."
)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    return address.is_global and not address.is_multicast


def public_ip(text: str, _setting: Setting) -> Reading:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return _NOT_AN_IP
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return _NOT_PUBLIC
        address = address.ipv4_mapped or address
    return str(address) if _is_public(address) else _NOT_PUBLIC


def user_agent(text: str, _setting: Setting) -> Reading:
    text = text.strip()
    return text if text and text.isprintable() else _NO_AGENT
