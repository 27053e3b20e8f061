"""A run of a command: its folder, what it writes there, and what it shows."""
