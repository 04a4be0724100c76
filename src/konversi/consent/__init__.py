"""What customers said about what may be done with what is known of them, and who asked to be forgotten."""
