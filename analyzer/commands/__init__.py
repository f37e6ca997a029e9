"""Sub-commands, a module each: `main` takes the words behind the name and returns the exit code."""
