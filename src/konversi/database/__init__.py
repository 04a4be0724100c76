"""Engines, the differences between dialects, and the migrations. The tables live with their rooms."""
