"""Tables and intervals from stored results; nothing here runs a model."""
