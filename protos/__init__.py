"""The contracts, one per protocol, and the stubs generated from recipe.proto, checked in for reading."""
