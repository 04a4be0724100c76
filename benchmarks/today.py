"""The reference *today*: what users write now. FastAPI, and Meta's Python SDK sending inside the request.

`python benchmarks/today.py PORT RECEIVER_URL`
"""

from __future__ import annotations

import sys
import time
from typing import Any

import uvicorn
from facebook_business import FacebookSession
from facebook_business.adobjects.serverside.action_source import ActionSource
from facebook_business.adobjects.serverside.content import Content
from facebook_business.adobjects.serverside.custom_data import CustomData
from facebook_business.adobjects.serverside.event import Event
from facebook_business.adobjects.serverside.event_request import EventRequest
from facebook_business.adobjects.serverside.user_data import UserData
from facebook_business.api import FacebookAdsApi
from fastapi import FastAPI

app = FastAPI()


def event_of(conversion: dict[str, Any]) -> Event:
    """The SDK's event for a conversion."""
    customer = conversion["customer"]
    first, _, last = customer["name"].partition(" ")
    user = UserData(
        phone=customer["phone"],
        first_name=first,
        last_name=last,
        email=customer["email"],
        city=customer["city"],
        country_code=customer["country"].lower(),
        external_id=customer["phone"],
    )
    contents = [Content(product_id=one["name"], quantity=1, item_price=one["price"]) for one in conversion["services"]]
    custom = CustomData(
        value=conversion["value"],
        currency=conversion["currency"].lower(),
        order_id=conversion["booking_id"],
        contents=contents,
        custom_properties={"source": conversion["source"]},
    )
    return Event(
        event_name=conversion["event"],
        event_time=int(time.time()),
        event_id=f"{conversion['event']}:{conversion['booking_id']}",
        action_source=ActionSource.CHAT,
        user_data=user,
        custom_data=custom,
    )


@app.post("/v1/events", status_code=202)
def events(conversion: dict[str, Any]) -> dict[str, int]:
    """Send at once, and answer when Meta has."""
    answer = EventRequest(pixel_id="1234567890", events=[event_of(conversion)]).execute()
    return {"events_received": answer.events_received}


if __name__ == "__main__":
    FacebookSession.GRAPH = sys.argv[2]
    FacebookAdsApi.init(access_token="a-good-token", crash_log=False)
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="error")
