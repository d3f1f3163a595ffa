"""The recipe domain. Imports the standard library only and knows no protocol."""
