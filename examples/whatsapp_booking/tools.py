"""What the agent can do. A booking that is not possible is an answer, no exception: the agent offers another slot."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from pydantic_ai import RunContext, Tool

from whatsapp_booking.indonesian import clock, day_in_words
from whatsapp_booking.studio import PRICES, NotBookable, Service, Studio


@dataclass
class Chat:
    """Whose chat it is. The tools take the customer from here, never from the model."""

    studio: Studio
    customer: str  # the phone, or WhatsApp's business-scoped user id
    name: str | None


def list_services(_context: RunContext[Chat]) -> dict[str, Any]:
    """List the services with their prices in rupiah."""
    return {"services": [{"name": name, "price": price} for name, price in PRICES.items()]}


def check_slots(context: RunContext[Chat], day: date) -> dict[str, Any]:
    """List the hours that are still free on a day."""
    free = context.deps.studio.free_hours(day)
    return {"day": day_in_words(day), "freeHours": [clock(hour) for hour in free]}


def create_booking(context: RunContext[Chat], service: Service, day: date, hour: int) -> dict[str, Any]:
    """Book a service on a day at a full hour. Only after the customer has agreed to all three."""
    chat = context.deps
    try:
        booking = chat.studio.book(service, day, hour, customer=chat.customer, name=chat.name)
    except NotBookable as reason:
        return {"status": "error", "message": str(reason), **check_slots(context, day)}
    return {
        "status": "confirmed",
        "bookingId": booking.id,
        "services": [{"name": booking.service, "price": booking.price}],
        "totalPrice": booking.price,
        "day": day_in_words(booking.day),
        "hour": clock(booking.hour),
    }


TOOLS = [
    Tool(list_services, name="listServices"),
    Tool(check_slots, name="checkSlots"),
    Tool(create_booking, name="createBooking"),
]
