"""Producers put a RecipeBook on the wire: one module per protocol; settings, TLS and lifecycle shared."""
