"""What the three command lines share: exit codes, one-line errors, variables of the environment."""
