"""A process beside the gateway's own in which long lists become events, so that they don't wait for Python's lock."""
