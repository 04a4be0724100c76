"""Every failure a user can meet.

The docstring of a class *is* its message: what happened, then, in the last paragraph, what to do.
"""

from __future__ import annotations

import inspect
from typing import ClassVar


class KonversiError(Exception):
    """Konversi met a fault of its own.

    Look at the log lines before this one, and report them with the version that `konversi --version` prints.
    """

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    retry_after: int | None = None  # seconds

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail)
        self.detail = detail

    @classmethod
    def title(cls) -> str:
        """What happened, in one sentence."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def remedy(cls) -> str:
        """What to do about it."""
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[-1].replace("\n", " ")

    def __str__(self) -> str:
        parts = (self.title(), self.detail, self.remedy())
        return " ".join(part for part in parts if part)


class InvalidSettings(KonversiError):
    """A setting has a value that Konversi can't work with.

    Correct it in the environment, `.env.local` or `.env`; `konversi doctor` checks all of them.
    """

    code = "settings_invalid"
    status = 500


class TestCodeInProduction(InvalidSettings):
    """A test event code is set although KONVERSI_ENV is production: real bookings would be sent as test events.

    Remove META_TEST_EVENT_CODE, or set KONVERSI_ENV=development.
    """

    __test__ = False  # keeps pytest from collecting it
    code = "test_code_in_production"


class MissingExtra(KonversiError):
    """An optional part of Konversi is needed that is not installed.

    Install it with the line shown.
    """

    code = "extra_missing"


class StorageInUse(KonversiError):
    """Another Konversi process owns this SQLite database.

    Stop the other process, give this one its own KONVERSI_DATA_DIR, or talk to the running one over HTTP.
    """

    code = "storage_in_use"
    status = 503


class StorageUnavailable(KonversiError):
    """The event could not be put on durable storage, so it was not accepted.

    Send it again; if this goes on, run `konversi doctor` (full disk, wrong owner, missing directory).
    """

    code = "storage_unavailable"
    status = 503
    retry_after = 5


class DatabaseUnreachable(StorageUnavailable):
    """The database can't be reached or used.

    Check KONVERSI_DATABASE_URL, the server and its log; `konversi db check` looks at all of them.
    """

    code = "database_unreachable"


class SchemaBehind(InvalidSettings):
    """The database has the schema of an older Konversi.

    Run `konversi db migrate`, or start the gateway, which does the same.
    """

    code = "schema_behind"


class OtherSecret(InvalidSettings):
    """The database belongs to an installation with another secret: its tokens and customers could not be read.

    Set KONVERSI_SECRET to the same value on all machines, or put the `secret` file of the first one into
    KONVERSI_DATA_DIR; after `konversi db move`, take that file along. Where the secret is lost for good, stop all
    processes, run `konversi db accept-secret`, and add the datasets' tokens again.
    """

    code = "other_secret"


class DatabaseMoved(InvalidSettings):
    """What this SQLite database held was moved to PostgreSQL: starting on it would send events a second time.

    Set KONVERSI_DATABASE_URL to the PostgreSQL database.
    """

    code = "database_moved"


class MoveUnfinished(InvalidSettings):
    """A move into this database has not ended.

    Run `konversi db move --to` with it again: it goes on where it stopped.
    """

    code = "move_unfinished"


class MoveRefused(KonversiError):
    """The database can't be moved like this.

    Do what the line says, then run `konversi db move` again.
    """

    code = "move_refused"


class SealBroken(KonversiError):
    """Something encrypted in the database can't be read with this installation's secret.

    Restore the secret (KONVERSI_SECRET, or `secret` in KONVERSI_DATA_DIR) from a backup, or add the dataset again with
    `konversi datasets add`.
    """

    code = "seal_broken"


class Overloaded(KonversiError):
    """More events arrive than can be stored, so this one was not accepted.

    Send it again after the time in Retry-After, or send fewer and larger requests to /v1/events.
    """

    code = "overloaded"
    status = 503
    retry_after = 1


class ShuttingDown(KonversiError):
    """Konversi is stopping and takes no more events.

    Send it again after the time in Retry-After.
    """

    code = "shutting_down"
    status = 503
    retry_after = 5


class Unauthorized(KonversiError):
    """The call needs an API key.

    Send `Authorization: Bearer KEY`, with KONVERSI_API_KEY or a key of `konversi keys create`; without that setting
    calls from this machine need none.
    """

    code = "unauthorized"
    status = 401


class WebhookUnsigned(KonversiError):
    """The webhook call is not signed with this gateway's secret, so nothing was done.

    Check that the secret belongs to the app or account that calls, and that no proxy changes the body.
    """

    code = "webhook_unsigned"
    status = 401


class WebhookNotSetUp(KonversiError):
    """The webhook has no secret yet, so its door is closed.

    Set the variable named, and start Konversi again; the platform repeats what it could not deliver.
    """

    code = "webhook_not_set_up"
    status = 503
    retry_after = 300


class WebhookNotVerified(KonversiError):
    """The verify token is not the one that this gateway was told.

    Give Meta's webhook form the same token as the variable named.
    """

    code = "webhook_not_verified"
    status = 403


class NotFound(KonversiError):
    """There is nothing under this address.

    Check the receipt or the path; `GET /v1/events` lists what there is, and `/docs` all addresses.
    """

    code = "not_found"
    status = 404


class DoorClosed(KonversiError):
    """Another process of this installation does that.

    Send it to the address of a process that does (KONVERSI_ONLY says what each one does).
    """

    code = "door_closed"
    status = 404


class JourneyUnknown(NotFound):
    """There is no conversation with this id.

    `konversi journeys list` and `GET /v1/journeys` list those there are; ids look like jn_000000001.
    """

    code = "journey_unknown"


class PaymentUnknown(NotFound):
    """There is no such payment here.

    `konversi payments list` shows those there are.
    """

    code = "payment_unknown"


class ErasureUnknown(NotFound):
    """There is no such erasure here.

    `GET /v1/erasures` lists those there are; ids look like er_000001.
    """

    code = "erasure_unknown"


class MethodNotAllowed(KonversiError):
    """The address doesn't take that method.

    See `/docs` for the methods of each address.
    """

    code = "method_not_allowed"
    status = 405


class UnsupportedMediaType(KonversiError):
    """The body is not of a type that this address takes.

    Send JSON with `Content-Type: application/json`, or one event a line with `application/x-ndjson`.
    """

    code = "unsupported_media_type"
    status = 415


class BodyTooLarge(KonversiError):
    """The request's body is larger than this address takes.

    Send at most 1 MB for one event and 4 MB for a list; split larger lists.
    """

    code = "body_too_large"
    status = 413


class MalformedBody(KonversiError):
    """The body is not valid JSON.

    Send UTF-8 JSON; NaN, Infinity and trailing commas are not JSON.
    """

    code = "malformed_json"
    status = 400


class TooManyFields(KonversiError):
    """The form or query has more fields than any platform sends.

    Hand the platform's own call on as it came.
    """

    code = "too_many_fields"
    status = 400


class InvalidRequest(KonversiError):
    """The request can't be taken as it is.

    Correct the fields listed under `errors`.
    """

    code = "invalid_request"
    status = 422


class IdempotencyConflict(KonversiError):
    """An event with this event_id was accepted before with other contents.

    Use a new event_id for a new conversion, or send the same contents to get the first receipt again.
    """

    code = "event_id_conflict"
    status = 409


class WrongState(KonversiError):
    """The event is in a state in which this can't be done.

    Look at it with `konversi events show RECEIPT`; only what waits, is dead, held or expired can be changed.
    """

    code = "wrong_state"
    status = 409


class GatewayUnreachable(KonversiError):
    """The Konversi gateway did not answer.

    Start it with `konversi serve`, and check its address (KONVERSI_URL) and KONVERSI_API_KEY.
    """

    code = "gateway_unreachable"
    status = 502


class NotAGateway(GatewayUnreachable):
    """What answered at the gateway's address does not know what was asked.

    Check KONVERSI_URL, what stands between, and that the gateway has the version of this package.
    """

    code = "not_a_gateway"


class MissingCredentials(KonversiError):
    """Missing Meta credentials: events are kept, and wait.

    Put META_PIXEL_ID and META_CONVERSION_API_TOKEN into .env.local (Events Manager > dataset > Settings >
    Conversions API > Generate access token) and start Konversi again.
    """

    code = "missing_credentials"
    status = 503
