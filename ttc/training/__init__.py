"""Training of generators, revision models and verifiers; the only user of autograd."""
