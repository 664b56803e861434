"""The run directory: its records and files, and how they are read, written and found."""
