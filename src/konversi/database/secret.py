"""The installation's secret: given by a setting or kept in a file, and the same for all over one database."""

from __future__ import annotations

import hmac
import os
import re
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from konversi.database import installation
from konversi.errors import InvalidSettings, OtherSecret, StorageUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

    from konversi.settings import Settings

_LABEL = b"konversi fingerprint of the installation's secret v1"
_FILE = "secret"
_AS_IN_THE_FILE = re.compile(r"[0-9a-f]{64}")


def readings(settings: Settings, *, make: bool = True) -> tuple[bytes, ...]:
    """What the secret may be, the likeliest first; made at the first start where none is set, unless told not to.

    What stands in the file `secret` may be given as a setting as well, and is then read as the file is.
    """
    if settings.secret is None:
        if not make and not (settings.data_dir / _FILE).exists():
            return ()
        return (_kept_secret(settings.data_dir),)
    given = settings.secret.get_secret_value()
    if len(given.encode()) < 16:  # noqa: PLR2004 - said in the message
        raise InvalidSettings("KONVERSI_SECRET: give at least 16 characters of chance.")
    plain = given.encode()[:64]
    return (plain, bytes.fromhex(given)) if _AS_IN_THE_FILE.fullmatch(given) else (plain,)


def the_one(connection: Connection, secrets: Sequence[bytes]) -> bytes:
    """The reading that the database was first started with. Raises `OtherSecret` where it is none of them."""
    found = installation.claimed(connection, installation.SECRET, [fingerprint(secret) for secret in secrets])
    if found is None:
        raise OtherSecret
    return secrets[found]


def fingerprint(secret: bytes) -> str:
    """Tells two secrets apart, and says nothing of them."""
    return hmac.new(secret, _LABEL, "sha256").hexdigest()[:32]


def _kept_secret(folder: Path) -> bytes:
    path = folder / _FILE
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise StorageUnavailable(f"{path}: {error}.") from error
    if len(text) != 64:  # noqa: PLR2004 - 32 bytes in hexadecimal
        raise StorageUnavailable(f"{path}: does not hold the secret that Konversi wrote; restore it from a backup.")
    return bytes.fromhex(text)
