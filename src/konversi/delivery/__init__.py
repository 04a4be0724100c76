"""How accepted events get to Meta: batches, retries, breakers, and the worker that does it."""
