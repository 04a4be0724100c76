"""Who may look, decide and rule: users, their sessions, API keys, and a record of every change."""
