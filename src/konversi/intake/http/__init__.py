"""The HTTP doors: the setup guide's, the native one, and those for looking."""
