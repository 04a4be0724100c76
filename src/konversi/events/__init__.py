"""What a conversion is: names, money, identity, time rules. Pure."""
