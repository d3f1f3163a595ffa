"""Producers serve a RecipeBook: one module per protocol; settings, TLS and lifecycle are shared."""
