"""Train, tune and diagnose neural networks."""

__version__ = "0.1.0"
