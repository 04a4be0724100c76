"""The refusal of whatever isn't an event: a form, a parameter, a file."""

from __future__ import annotations

from konversi.events.faults import Refused


class InvalidFields(Refused):
    """The request can't be taken as it is.

    Correct the fields listed under `errors`.
    """

    code = "invalid_request"
