"""Telling people that something needs them: what is looked at, what is told once, and how it gets out."""
