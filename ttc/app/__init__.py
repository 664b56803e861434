"""Hydra behind Typer: launching, error explanation, completion, sweeps, and the registry of classes."""
