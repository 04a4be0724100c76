"""Chat webhooks read: each parser turns one platform's shape into arrivals. No I/O, no clock."""
