"""All that knows Meta: how a conversion is put for it, how it is reached, and what its answers mean."""
