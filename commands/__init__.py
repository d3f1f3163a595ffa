"""What all command lines share: exit codes, one-line errors, environment variables; downloading recipes."""
