"""Which ad opened this conversation, and where it stands: click, chat, booking, payment."""
