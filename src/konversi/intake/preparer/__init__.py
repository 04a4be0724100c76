"""A process beside the gateway's that prepares lists and answers busy callers: Python's lock is another one there."""
