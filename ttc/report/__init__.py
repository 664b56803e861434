"""The HTML report: one self-contained page to look at finished runs problem by problem, and a local server for it."""
