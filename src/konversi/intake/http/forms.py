"""Reading a request's JSON as one of our models."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from konversi.intake.http.bodies import ONE_EVENT, read_json
from konversi.intake.invalid_fields import InvalidFields
from konversi.intake.json_faults import faults_in

if TYPE_CHECKING:
    from starlette.requests import Request

Form = TypeVar("Form", bound=BaseModel)


async def read_form(request: Request, form: type[Form], names: frozenset[str] | None = None) -> Form:
    """What was sent. `names` are the fields that an error may name; the form's own where absent.

    Raises `InvalidFields`, and as `read_json` does.
    """
    sent = await read_json(request, ONE_EVENT)
    try:
        return form.model_validate_json(sent)
    except ValidationError as error:
        raise InvalidFields(faults_in(error, names or frozenset(form.model_fields))) from None
