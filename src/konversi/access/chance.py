"""Secrets that Konversi gives out, and what is stored of them: never more than a digest."""

from __future__ import annotations

import hashlib
import secrets

KEY_MARK = "kv_"  # begins every API key, so that people and scanners of leaked secrets know it


def session_id() -> str:
    """What a session's cookie holds: 256 bits."""
    return secrets.token_urlsafe(32)


def api_key() -> str:
    """A new API key: 256 bits behind its mark."""
    return KEY_MARK + secrets.token_urlsafe(32)


def short_id() -> str:
    """A name for a thing that people speak of; it opens nothing."""
    return secrets.token_hex(5)


def digest(secret: str) -> str:
    """What is stored of it. Nobody can guess 256 bits, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()
