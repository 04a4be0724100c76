"""From what is known of a customer to the match keys that Meta gets: normalised, hashed, with notes. Pure."""
