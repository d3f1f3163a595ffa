"""Networks between consumer and producer: their profiles, when they deliver bytes, and the relay that does so."""
