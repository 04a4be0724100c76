"""What Meta is told that a conversion is worth, by the business's own rules. Pure."""
