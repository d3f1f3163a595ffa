"""Judging: slice → cell → ratio → verdict. Pure: values in, values out, no clock, no randomness."""
