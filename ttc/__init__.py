"""ttc: the command-line experiment runner for test-time compute."""

__version__ = "0.1.0"
