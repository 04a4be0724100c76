"""Reading the settings that are in effect, and saying in the user's words what is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import AliasChoices, ValidationError
from pydantic_settings import SettingsError

from konversi.errors import InvalidSettings, TestCodeInProduction
from konversi.settings.here import LOOPBACK
from konversi.settings.sources import SECRETS
from konversi.settings.whole import Settings


def load(**given: Any) -> Settings:
    """The settings in effect; `given` (by field name) wins over the environment.

    Raises `InvalidSettings` naming the variables at fault (never their values), and `TestCodeInProduction`.
    """
    unknown = sorted(given.keys() - Settings.model_fields.keys())
    if unknown:
        raise TypeError(f"There is no setting {', '.join(unknown)}.")
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise InvalidSettings(_complaints(error)) from None
    except (OSError, UnicodeDecodeError) as error:
        text = "save it as UTF-8" if isinstance(error, UnicodeDecodeError) else f"{error.strerror}"
        raise InvalidSettings(f".env.local or .env can't be read: {text}.") from None
    except SettingsError as error:  # its text names the field
        named = [variable(field) for field in Settings.model_fields if f'"{field}"' in str(error)]
        raise InvalidSettings(f"{', '.join(named)}: must be JSON.") from None
    if settings.environment == "production" and settings.test_code:
        raise TestCodeInProduction
    plain = urlsplit(settings.graph_url)
    if settings.environment == "production" and plain.scheme == "http" and plain.hostname not in LOOPBACK:
        raise InvalidSettings("META_GRAPH_URL: must be https in production, since the token travels there.")
    return settings


def variable(field: str) -> str:
    """The environment variable of a field, such as `META_PIXEL_ID`."""
    alias = Settings.model_fields[field].validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def secret_files() -> tuple[str, ...]:
    """The variables that can also be given as `NAME_FILE`."""
    return SECRETS


def _complaints(error: ValidationError) -> str:
    lines = []
    for details in error.errors(include_url=False, include_input=False):
        name = str(details["loc"][0]) if details["loc"] else "settings"
        lines.append(f"{variable(name) if name in Settings.model_fields else name}: {details['msg']}.")
    return " ".join(lines)


def world_readable(path: str | os.PathLike[str]) -> bool:
    """Whether others on this machine may read the file (always false where the system has no such bits)."""
    return os.name == "posix" and bool(Path(path).stat().st_mode & 0o004)
