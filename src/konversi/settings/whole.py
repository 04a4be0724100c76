"""All settings together, and those that every installation knows."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

import phonenumbers
from pydantic import AliasChoices, Field, SecretStr, StringConstraints, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from konversi.settings.access import AccessSettings
from konversi.settings.ads import AdsSettings
from konversi.settings.alerts import AlertSettings
from konversi.settings.chats import ChatSettings
from konversi.settings.consent import ConsentSettings
from konversi.settings.payments import PaymentSettings
from konversi.settings.retention import RetentionSettings
from konversi.settings.serverless import ServerlessSettings
from konversi.settings.sources import is_placeholder, surroundings
from konversi.settings.traces import TraceSettings
from konversi.settings.value import ValueSettings

if TYPE_CHECKING:
    from pydantic import ValidationInfo

DEFAULT_TEST_CODE = "TEST12345"
DEFAULT_DATASET = "default"  # the dataset of META_PIXEL_ID, under a name that survives a correction of the id
_WHOLE = frozenset({"whatsapp_forward_url", "alert_webhook_url"})

DatasetId = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[0-9]{5,20}$")]


class Settings(
    ConsentSettings,
    RetentionSettings,
    TraceSettings,
    AlertSettings,
    AdsSettings,
    AccessSettings,
    ServerlessSettings,
    PaymentSettings,
    ValueSettings,
    ChatSettings,
):
    """What Konversi is told by its surroundings. `docs/reference/settings.md` says the same in words."""

    model_config = SettingsConfigDict(
        env_file=(".env", ".env.local"),
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    pixel_id: DatasetId | None = Field(
        None,
        validation_alias=AliasChoices("META_PIXEL_ID", "META_DATASET_ID"),
        description="Id of the pixel or dataset that gets the events: digits, from Events Manager.",
    )
    token: SecretStr | None = Field(
        None,
        validation_alias="META_CONVERSION_API_TOKEN",
        description="Access token of that dataset (Events Manager > Settings > Conversions API).",
    )
    app_secret: SecretStr | None = Field(
        None,
        validation_alias="META_APP_SECRET",
        description='App secret, where the Meta app has "Require App Secret" switched on: adds `appsecret_proof`.',
    )
    test_code: Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Za-z0-9_-]{1,100}$")] | None = (
        Field(
            None,
            validation_alias="META_TEST_EVENT_CODE",
            description=f"Test event code of development; `{DEFAULT_TEST_CODE}` where unset. Refused in production.",
        )
    )
    graph_url: str = Field(
        "https://graph.facebook.com",
        validation_alias="META_GRAPH_URL",
        description="Where the Graph API is; `konversi sandbox` prints its own address for this.",
    )
    api_version: Annotated[str, StringConstraints(pattern=r"^v[0-9]{1,3}\.[0-9]$")] = Field(
        "v26.0", validation_alias="META_API_VERSION", description="Version of the Graph API for events."
    )
    environment: Literal["development", "production"] = Field(
        "development",
        validation_alias="KONVERSI_ENV",
        description="`development` sends every event as a test event; `production` sends none as such.",
    )
    host: str = Field("127.0.0.1", validation_alias="KONVERSI_HOST", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65_535)] = Field(
        3000, validation_alias="KONVERSI_PORT", description="Port to listen on; 0 takes a free one."
    )
    data_dir: Path = Field(
        Path(".konversi"),
        validation_alias="KONVERSI_DATA_DIR",
        description="Folder of the SQLite database and of the installation's secret.",
    )
    database_url: str | None = Field(
        None,
        validation_alias="KONVERSI_DATABASE_URL",
        repr=False,  # there may be a password in it
        description="`postgresql://USER:PASSWORD@HOST/NAME`, or `sqlite:///PATH`: in KONVERSI_DATA_DIR where unset.",
    )
    only: Literal["intake", "delivery", "dashboard"] | None = Field(
        None,
        validation_alias="KONVERSI_ONLY",
        description="What this process does, of many over one PostgreSQL database; everything where unset.",
    )
    api_key: SecretStr | None = Field(
        None,
        validation_alias="KONVERSI_API_KEY",
        description="Key that every call must carry; without it only calls from this machine are taken.",
    )
    secret: SecretStr | None = Field(
        None,
        validation_alias="KONVERSI_SECRET",
        description="The installation's secret, for keyed hashes; made and kept in KONVERSI_DATA_DIR where unset.",
    )
    default_country: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$")] = Field(
        "ID", validation_alias="KONVERSI_DEFAULT_COUNTRY", description="Country in which national phones are read."
    )
    default_currency: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{3}$")] = Field(
        "IDR", validation_alias="KONVERSI_DEFAULT_CURRENCY", description="Currency of values that come without one."
    )
    on_in_doubt: Literal["resend", "hold"] = Field(
        "resend",
        validation_alias="KONVERSI_ON_IN_DOUBT",
        description="After a send without an answer: `resend` (Meta may count twice) or `hold` for a person to decide.",
    )
    messaging_names: dict[str, str] = Field(
        default_factory=dict,
        validation_alias="META_MESSAGING_NAMES",
        description='Event names in chats that an ad opened, where they differ: `{"Schedule": "QualifiedLead"}`.',
    )
    ig_account_key: Literal["ig_account_id", "instagram_business_account_id"] = Field(
        "ig_account_id",
        validation_alias="META_IG_ACCOUNT_KEY",
        description="Name of the Instagram account's id in events: Meta's pages disagree.",
    )
    retention_days: Annotated[int, Field(ge=1, le=3_650)] = Field(
        30, validation_alias="KONVERSI_RETENTION_DAYS", description="Days for which finished events are kept."
    )
    preparer: Literal["auto", "off"] = Field(
        "auto",
        validation_alias="KONVERSI_PREPARER",
        description="`auto`: with SQLite and a second core, `konversi serve` prepares lists of events, and answers "
        "busy callers, in a second process.",
    )
    log_style: Literal["console", "json"] = Field(
        "console", validation_alias="KONVERSI_LOG_STYLE", description="Log lines for people or for machines."
    )
    url: str | None = Field(
        None,
        validation_alias="KONVERSI_URL",
        description="Address of a running gateway, for commands and for bots that send to it.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's shape
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, *surroundings(settings_cls, env_settings, dotenv_settings)

    @field_validator("pixel_id", "token", mode="before")
    @classmethod
    def _placeholder_is_unset(cls, value: Any) -> Any:
        return None if isinstance(value, str) and is_placeholder(value) else value

    @field_validator("token", "app_secret", "api_key", "cron_secret", "ads_token", mode="after")
    @classmethod
    def _fits_a_header(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        text = value.get_secret_value().strip()
        if not (text.isascii() and text.isprintable()) or " " in text or not text:
            raise ValueError("must be plain characters without spaces; copy it again")
        return SecretStr(text)

    @field_validator("environment", mode="before")
    @classmethod
    def _short_environment(cls, value: Any) -> Any:
        short = {"dev": "development", "prod": "production"}
        return short.get(value.strip().lower(), value.strip().lower()) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _durable_database(cls, value: str | None) -> str | None:
        """In memory, an answer of 202 would promise what nobody keeps."""
        if value is not None and value.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
            return value.replace("postgres://", "postgresql://", 1)
        path = (value or "sqlite:///x").removeprefix("sqlite:///")
        if path in {value, ""} or path.startswith((":memory:", "file:")):
            raise ValueError("only postgresql://USER:PASSWORD@HOST/NAME and sqlite:///PATH are taken")
        return value

    @field_validator("default_country")
    @classmethod
    def _known_country(cls, value: str) -> str:
        if value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("no country has this code: send two letters such as ID")
        return value

    @field_validator("graph_url", "url", "whatsapp_forward_url", "public_url", "alert_webhook_url")
    @classmethod
    def _web_address(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.password:
            raise ValueError("must be an http(s) address without a user")
        return value if info.field_name in _WHOLE else value.rstrip("/")  # the others get a path

    @cached_property
    def configured(self) -> bool:
        """Whether events can be sent at all."""
        return self.pixel_id is not None and self.token is not None

    @cached_property
    def delivers(self) -> bool:
        """Whether this process has to do with delivery at all."""
        return self.only in (None, "delivery")

    @cached_property
    def shared(self) -> bool:
        """Whether many processes may share the database."""
        return not self.database.startswith("sqlite")

    @cached_property
    def test_event_code(self) -> str | None:
        """What marks events as test events; nothing in production."""
        return None if self.environment == "production" else self.test_code or DEFAULT_TEST_CODE

    @cached_property
    def database(self) -> str:
        """The SQLAlchemy URL in effect."""
        return self.database_url or f"sqlite:///{self.data_dir / 'konversi.db'}"
