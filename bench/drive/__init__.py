"""Drivers: what sends the requests of a cell, behind one interface. Loops decide when; a driver knows how."""
