"""A WhatsApp customer-service bot that books repaint jobs, and tells Meta about each booking through Konversi."""
