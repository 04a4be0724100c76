"""The durable promise: what is accepted here is delivered, or ends where everybody can see it."""
