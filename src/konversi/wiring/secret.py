"""The installation's secret: given by a setting, or made once and kept in a file."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING

from konversi.errors import InvalidSettings, StorageUnavailable

if TYPE_CHECKING:
    from pathlib import Path

    from konversi.settings import Settings


def installation_secret(settings: Settings) -> bytes:
    """32 bytes that stay the same for this installation; made at the first start where none is set."""
    if settings.secret:
        given = settings.secret.get_secret_value().encode()
        if len(given) < 16:  # noqa: PLR2004 - said in the message
            raise InvalidSettings("KONVERSI_SECRET: give at least 16 characters of chance.")
        return given[:64]
    return _kept_secret(settings.data_dir)


def _kept_secret(folder: Path) -> bytes:
    path = folder / "secret"
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
