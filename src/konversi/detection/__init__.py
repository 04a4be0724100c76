"""Did the booking tool succeed, and what did it book? Pure: reads results and message lists, and changes nothing."""

from konversi.detection.bookings import ToolCall, bookings_in, inspect_result
from konversi.detection.success import Outcome, succeeded

__all__ = ["Outcome", "ToolCall", "bookings_in", "inspect_result", "succeeded"]
