"""The read side: how many events stand where, and what delivery has been doing."""
