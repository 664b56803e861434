"""Generators and verifiers: vLLM in this process, stored replies, ensembles."""
