"""What a payment is, what a notification about it means, and when it is a Purchase. The rules are pure."""
