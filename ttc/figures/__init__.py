"""The paper's figures and claims: which runs they need, what the runs say, and how that is drawn."""
