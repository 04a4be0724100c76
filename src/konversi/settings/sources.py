"""Where settings come from: the environment, then `.env.local`, then `.env`, and a file for each secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from pydantic_settings.sources import DotEnvSettingsSource, EnvSettingsSource

from konversi.errors import InvalidSettings
from konversi.settings.ads import ADS_SECRETS
from konversi.settings.alerts import ALERT_SECRETS
from konversi.settings.chats import CHAT_SECRETS
from konversi.settings.payments import PAYMENT_SECRETS
from konversi.settings.serverless import SERVERLESS_SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping

SECRETS = (
    "META_CONVERSION_API_TOKEN",
    "META_APP_SECRET",
    "KONVERSI_API_KEY",
    "KONVERSI_SECRET",
    "KONVERSI_DATABASE_URL",
    SERVERLESS_SECRET,
    *CHAT_SECRETS,
    *ADS_SECRETS,
    *PAYMENT_SECRETS,
    *ALERT_SECRETS,
)

_IN_THE_GUIDE = frozenset({"META_PIXEL_ID", "META_DATASET_ID", "META_CONVERSION_API_TOKEN"})  # as placeholders


def surroundings(
    settings_cls: type[BaseSettings],
    environment: PydanticBaseSettingsSource,
    dotenv: PydanticBaseSettingsSource,
) -> tuple[PydanticBaseSettingsSource, ...]:
    """The sources, the first of which wins."""
    given = [environment]
    if isinstance(dotenv, DotEnvSettingsSource) and dotenv.env_file:
        given += [DotEnvSettingsSource(settings_cls, env_file=file) for file in (".env.local", ".env")]
    return tuple(part for source in given for part in _with_files(settings_cls, source))


def is_placeholder(value: str) -> bool:
    """The setup guide's `your_pixel_id_here` is not a value."""
    return value.strip().lower().startswith("your_")


class _SecretFiles(PydanticBaseSettingsSource):
    """Reads `NAME_FILE` for each secret, as containers and service managers hand secrets over."""

    def __init__(self, settings_cls: type[BaseSettings], variables: Mapping[str, str | None]) -> None:
        super().__init__(settings_cls)
        self._variables = variables

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:  # noqa: ARG002 - the base class's shape
        return None, field_name, False

    def __call__(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in SECRETS:
            path = self._variables.get(f"{name}_FILE")
            if not path or self._variables.get(name):
                continue
            try:
                found[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise InvalidSettings(f"{name}_FILE: {type(error).__name__} while reading {path}.") from error
        return found


def _with_files(
    settings_cls: type[BaseSettings], source: PydanticBaseSettingsSource
) -> tuple[PydanticBaseSettingsSource, ...]:
    """A source without the guide's placeholders, which must not hide the next one's values, and its secret files."""
    if not isinstance(source, DotEnvSettingsSource | EnvSettingsSource):
        return (source,)
    source.env_vars = {
        name: value
        for name, value in source.env_vars.items()
        if name.upper() not in _IN_THE_GUIDE or not is_placeholder(value or "")
    }
    return source, _SecretFiles(settings_cls, {name.upper(): value for name, value in source.env_vars.items()})
