"""Service level objectives: the highest rate at which a producer meets them."""
