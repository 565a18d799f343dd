"""Contracts that any store and any searcher must pass; shipped, so that implementations elsewhere can run them too."""
