"""Experiment trackers: what a run reports to Weights & Biases, MLflow or TensorBoard while it works, and at its end."""
