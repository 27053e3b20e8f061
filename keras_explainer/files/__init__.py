"""Reading pictures of all kinds, and writing files and folders whole or not at all."""
