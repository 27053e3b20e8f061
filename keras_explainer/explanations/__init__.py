"""What `explain` answers, and how it is shown."""
