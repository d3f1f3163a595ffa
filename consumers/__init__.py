"""Consumers read recipes from producers: one module per protocol, all with the interface RecipeClient."""
