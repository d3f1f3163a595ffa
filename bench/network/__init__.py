"""Networks between consumer and producer: what one is, what it makes of bytes, and the relay that does so for real."""
