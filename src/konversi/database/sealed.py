"""Encrypts what must not be readable in the database: tokens, app secrets, webhooks on their way to somebody else.

AES-256-GCM under a key that HKDF-SHA256 makes from the installation's secret. What a text is about goes in as
associated data, so that one row's can't stand in for another's. The form: a version byte, 12 bytes of nonce, then the
text with its tag. Nonces are random: with 96 bits, one key is good for 2^32 texts.
"""

from __future__ import annotations

import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from konversi.errors import SealBroken

_VERSION = b"\x01"
_PURPOSE = b"konversi sealed v1"
_NONCE = 12
_TAG = 16


class Seal:
    """Closes and opens texts. Prints nothing of its key."""

    def __init__(self, secret: bytes) -> None:
        key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret)
        self._cipher = AESGCM(key)

    def close(self, plain: bytes, about: str) -> bytes:
        """The text, encrypted. `about` names its place, such as "dataset 123 token"; opening needs the same."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plain, about.encode())

    def open(self, sealed: bytes, about: str) -> bytes:
        """The text. Raises `SealBroken` where another secret closed it, or it was changed or put somewhere else."""
        if sealed[:1] != _VERSION or len(sealed) < 1 + _NONCE + _TAG:
            raise SealBroken(f"It is the {about}.")
        nonce, text = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, text, about.encode())
        except InvalidTag:
            raise SealBroken(f"It is the {about}.") from None
