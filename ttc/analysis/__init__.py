"""Tables, intervals and comparisons of finished runs; nothing here runs a model."""
