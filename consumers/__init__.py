"""Consumers get Recipes off the wire: one module per protocol, all the same RecipeClient."""
