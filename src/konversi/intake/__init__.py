"""The doors. All of them end in one use case: `receive`."""
