"""The six subjects of the pocket problems."""
