"""Events as a sender would build them."""

import hashlib
import time

DATASET = "1234567890"
TOKEN = "EAA-a-good-token"
DAY = 86_400
NOW = int(time.time())  # when the tests were collected
PHONE = hashlib.sha256(b"6281234567890").hexdigest()


def lead(**changes):
    """A valid event from a chat; a change to None removes a field."""
    event = {
        "event_name": "Lead",
        "event_time": NOW - 5,
        "event_id": "Lead:BK-1",
        "action_source": "chat",
        "user_data": {"ph": [PHONE]},
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


def whatsapp(**changes):
    """A valid event of a WhatsApp chat that an ad opened."""
    user = {"whatsapp_business_account_id": "102290129340398", "ctwa_clid": "Aff-n8ZT", **changes.pop("user_data", {})}
    user = {name: value for name, value in user.items() if value is not None}
    return lead(
        **{
            "event_name": "LeadSubmitted",
            "action_source": "business_messaging",
            "messaging_channel": "whatsapp",
            "user_data": user,
            **changes,
        }
    )


def purchase(**custom):
    return lead(event_name="Purchase", custom_data={"value": 150000, "currency": "IDR", **custom})
