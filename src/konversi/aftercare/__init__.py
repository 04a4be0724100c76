"""What happens to events that need looking after: rescue, expiry, retention, replay and discard."""
