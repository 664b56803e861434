"""Solutions that other tools sampled: their layouts, how rows become problems, and how scores become values."""
