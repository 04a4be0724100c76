"""Which datasets there are, how each is reached, and which accounts' chats belong to them."""
