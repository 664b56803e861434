"""Datasets become lists of problems."""
