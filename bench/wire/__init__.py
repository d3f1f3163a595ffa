"""Every byte between consumer and producer: recorded by the tap, named by pure parsers, summed by request."""
