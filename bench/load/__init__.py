"""Load: processes that send, stamp and record. They compute no statistics beyond a slice's median."""
