"""The errors of Graph, as bodies: code, subcode, status, and the words people read, in English and Indonesian.

Sources: Meta, Graph API: error handling; Marketing API: error reference and rate limiting; Conversions API: using the
API. Subcodes that Meta doesn't document come from public measurements; where none is known there is none here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

OLDEST_VERSION, NEWEST_VERSION = 21, 26  # Meta, Graph API: changelog, as of late 2026


class Words(NamedTuple):
    """What Meta tells a person, in one language."""

    title: str
    text: str


class GraphError(NamedTuple):
    """One row of the table. `{where}` in the message becomes the parameter at fault, `{node}` the object asked for.

    `details` is what the Cloud API adds for people.
    """

    status: int
    code: int
    subcode: int | None
    type: str
    message: str
    words: Mapping[str, Words] = {}
    transient: bool = False
    details: str = ""


class Refusal(NamedTuple):
    """An error and the way to what caused it, in the parameter `top`: `("0", "user_data", "em")`."""

    error: GraphError
    path: tuple[str, ...] = ()
    top: str = "data"

    @property
    def where(self) -> str:
        """As Graph writes it: `data[0][user_data][em]`."""
        return self.top + "".join(f"[{step}]" for step in self.path)

    @property
    def field(self) -> str:
        """Where the fault is, if it is in something smaller than `data`."""
        return self.where if self.path or self.top != "data" else ""


def error_body(refusal: Refusal, *, language: str, trace: str, node: str = "") -> dict[str, Any]:
    """The body, its keys in Graph's order."""
    error = refusal.error
    inner: dict[str, Any] = {
        "message": error.message.format(where=refusal.where, node=node),
        "type": error.type,
        "code": error.code,
    }
    if error.subcode is not None:
        inner["error_subcode"] = error.subcode
    if error.details:
        inner["error_data"] = {"messaging_product": "whatsapp", "details": error.details}
    else:
        inner["is_transient"] = error.transient
    if error.words:
        words = error.words.get(language) or error.words["en"]
        inner |= {"error_user_title": words.title, "error_user_msg": words.text}
    return {"error": {**inner, "fbtrace_id": trace}}


def _event(subcode: int, english: Words, indonesian: Words) -> GraphError:
    return GraphError(400, 100, subcode, "OAuthException", "Invalid parameter", {"en": english, "id": indonesian})


def _parameter(message: str) -> GraphError:
    return GraphError(400, 100, None, "OAuthException", f"(#100) {message}")


MISSING = _parameter("The parameter {where} is required.")
INVALID = _parameter("Param {where} has an invalid value.")
EMPTY_DATA = _parameter("Param data must be non-empty.")
NOT_AN_ARRAY = _parameter("Param data must be an array.")
NOT_AN_OBJECT = _parameter("Param {where} must be an object.")
TOO_MANY = _parameter("Param data may hold at most 1000 events.")
BAD_BODY = _parameter("The body of the request could not be decoded.")
TOO_LARGE = GraphError(413, 100, None, "OAuthException", "(#100) The request is too large.")
BAD_PROOF = GraphError(400, 100, None, "GraphMethodException", "Invalid appsecret_proof provided in the API argument")
NO_FIELD = _parameter("Tried accessing nonexisting field on node type (AdsPixel)")
NO_AD_FIELD = _parameter("Tried accessing nonexisting field on node type (Adgroup)")
TOO_MANY_CONVERSIONS = _parameter("This ad account has as many custom conversions as it may have.")
TOO_MANY_DATASETS = _parameter("This local Meta makes at most 10000 datasets.")

BAD_CLICK_ID = _event(
    2804001,
    Words("Invalid Click ID", "The click ID (fbc) of this event is wrongly formatted."),
    Words("ID Klik Tidak Valid", "Format ID klik (fbc) pada peristiwa ini salah."),
)
TOO_OLD = _event(
    2804003,
    Words(
        "Event Timestamp Too Old",
        "The timestamp of this event is too far in the past. Send events within 7 days of when they occurred.",
    ),
    Words(
        "Stempel Waktu Peristiwa Terlalu Lama",
        "Stempel waktu peristiwa ini terlalu jauh di masa lalu. Kirim peristiwa dalam 7 hari setelah terjadi.",
    ),
)
NOT_A_TIME = _event(
    2804003,
    Words("Invalid Event Timestamp", "event_time must be in Unix seconds and not in the future."),
    Words("Stempel Waktu Peristiwa Tidak Valid", "event_time harus dalam detik Unix dan tidak di masa depan."),
)
NO_PRICE = _event(
    2804009,
    Words("Missing Value for Purchase Event", "A Purchase event needs a value that is an amount, and its currency."),
    Words("Nilai Peristiwa Pembelian Tidak Ada", "Peristiwa Purchase membutuhkan nilai berupa jumlah, dan mata uang."),
)
UNHASHED = _event(
    2804016,
    Words("Unhashed Customer Information", "A customer information parameter of this event is not hashed by SHA-256."),
    Words("Informasi Pelanggan Tidak Di-hash", "Parameter informasi pelanggan peristiwa ini tidak di-hash SHA-256."),
)
BAD_LEAD_ID = _event(
    2804036,
    Words("Invalid Lead ID", "The lead_id of this event is not the ID of a lead from Meta's lead ads."),
    Words("ID Prospek Tidak Valid", "lead_id peristiwa ini bukan ID prospek dari iklan prospek Meta."),
)
TOO_LITTLE = _event(
    2804050,
    Words(
        "Not Enough Customer Information",
        "This event doesn't include enough customer information parameters to be matched, so it was not processed.",
    ),
    Words(
        "Informasi Pelanggan Tidak Cukup",
        "Parameter informasi pelanggan pada peristiwa ini tidak cukup untuk dicocokkan, jadi tidak diproses.",
    ),
)
BAD_MESSAGING_NAME = _event(
    2804066,
    Words("Messaging Event Invalid Event Type", "This event name can't be used with business_messaging."),
    Words("Jenis Peristiwa Pesan Tidak Valid", "Nama peristiwa ini tidak dapat digunakan dengan business_messaging."),
)
NO_ACCOUNT = _event(
    2804116,
    Words("Missing Page or WhatsApp Account", "Give either page_id or whatsapp_business_account_id in user_data."),
    Words("Halaman atau Akun WhatsApp Tidak Ada", "Isi page_id atau whatsapp_business_account_id dalam user_data."),
)
NO_PAGE = _event(
    2804131,
    Words("Dataset Has No Page", "This dataset has no associated Page."),
    Words("Dataset Tidak Memiliki Halaman", "Dataset ini tidak memiliki Halaman terkait."),
)
NO_WABA = _event(
    2804132,
    Words("Dataset Has No WhatsApp Business Account", "No WhatsApp Business Account is linked to this dataset."),
    Words("Dataset Tidak Memiliki Akun WhatsApp Business", "Tidak ada Akun WhatsApp Business tertaut ke dataset ini."),
)

_UNSUPPORTED = (
    "request. Object with ID '{node}' does not exist, cannot be loaded due to missing permissions, or does not "
    "support this operation"
)
UNKNOWN_NODE_POST = GraphError(400, 100, 33, "GraphMethodException", f"Unsupported post {_UNSUPPORTED}")
UNKNOWN_NODE_GET = GraphError(400, 100, 33, "GraphMethodException", f"Unsupported get {_UNSUPPORTED}")
UNKNOWN_PATH = GraphError(400, 2500, None, "OAuthException", "Unknown path components: /{node}")
DEAD_VERSION = GraphError(
    400,
    2635,
    None,
    "OAuthException",
    f"(#2635) You are calling a deprecated version of the Ads API. Please update to v{NEWEST_VERSION}.0.",
)

BAD_TOKEN = GraphError(401, 190, None, "OAuthException", "Invalid OAuth access token - Cannot parse access token")
OLD_TOKEN = GraphError(
    401, 190, 463, "OAuthException", "Error validating access token: Session has expired on an earlier day."
)
NO_PERMISSION = GraphError(403, 200, None, "OAuthException", "(#200) Permissions error")
NO_APP_PERMISSION = GraphError(
    403, 10, None, "OAuthException", "(#10) Application does not have permission for this action"
)
NO_EVENTS_PERMISSION = GraphError(
    403, 200, None, "OAuthException", "(#200) Requires whatsapp_business_manage_events permission to manage the object."
)
APP_LIMIT = GraphError(403, 4, None, "OAuthException", "(#4) Application request limit reached", transient=True)
ACCOUNT_LIMIT = GraphError(
    400,
    80004,
    2446079,
    "OAuthException",
    "(#80004) There have been too many calls to this ad-account. Wait a bit and try again.",
)
DOWN = GraphError(
    500,
    2,
    None,
    "OAuthException",
    "An unexpected error has occurred. Please retry your request later.",
    transient=True,
)
NOT_READY = GraphError(
    400, 21009, None, "OAuthException", "(#21009) The data set upload is temporarily not ready.", transient=True
)
NOT_ALLOWED = GraphError(
    400,
    131030,
    None,
    "OAuthException",
    "(#131030) Recipient phone number not in allowed list",
    details="Recipient phone number not in allowed list: Add recipient phone number to recipient list and try again.",
)
MESSAGE_LIMIT = GraphError(
    400,
    130429,
    None,
    "OAuthException",
    "(#130429) Rate limit hit",
    details="Message failed to send because there were too many messages sent from this phone number in a short time.",
)
UNKNOWN = GraphError(500, 1, 99, "OAuthException", "An unknown error occurred")
