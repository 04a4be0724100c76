"""The names under which booking tools give what a conversion needs. First come, first taken; folded when read."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

BOOKING_ID: Final = (
    "booking_id", "booking.id", "booking.booking_id", "booking_code", "booking_number", "booking_ref",
    "booking_reference", "booking.code", "kode_booking", "id_booking", "reservation_id", "reservation.id",
    "appointment_id", "appointment.id", "order_id", "order.id",
)  # fmt: skip

VALUE: Final = (
    "total_value", "total_price", "grand_total", "total_amount", "total.amount", "total", "total_harga", "price",
    "amount", "harga", "value",
)  # fmt: skip

CURRENCY: Final = ("currency", "currency_code", "total.currency", "mata_uang")

SERVICES: Final = ("services", "items", "layanan", "service", "service_name")

SERVICE: Final = MappingProxyType(
    {
        "name": ("service_name", "name", "title", "nama"),
        "price": ("price", "unit_price", "harga"),
        "quantity": ("quantity", "qty", "jumlah"),
        "id": ("service_id", "id", "sku"),
        "category": ("service_category", "category", "kategori"),
    }
)

# Names that can only mean the customer, then those that may also mean something else in a tool's result.
CUSTOMER: Final = MappingProxyType(
    {
        "phone": (
            ("customer_phone", "customer.phone", "customer.phone_number", "customer_phone_number", "customer_whatsapp"),
            ("phone", "phone_number", "whatsapp", "whatsapp_number", "wa_number", "no_hp", "nomor_hp", "telepon"),
        ),
        "email": (("customer_email", "customer.email"), ("email",)),
        "name": (
            ("customer_name", "customer.name", "customer.full_name", "nama_pelanggan"),
            ("full_name", "name", "nama"),
        ),
        "external_id": (("customer_id", "customer.id"), ()),
        "city": (("customer_city", "customer.city", "kota_pelanggan"), ()),
        "region": (("customer_region", "customer.region", "customer.province", "customer.state"), ()),
        "postal_code": (("customer_postal_code", "customer.postal_code", "customer.zip"), ()),
        "country": (("customer_country", "customer.country"), ()),
        "gender": (("customer_gender", "customer.gender"), ()),
        "birth_date": (("customer_birth_date", "customer.birth_date", "customer.date_of_birth"), ()),
        "language": (("customer_language", "customer.language"), ()),
        "lead_id": (("lead_id", "leadgen_id", "meta_lead_id"), ()),
    }
)
