"""Clients: what sends the requests of a cell, behind one interface. Loops decide when; a client knows how."""
