"""Ways to spend a budget of generations on one problem: pure flows that never call a model."""
