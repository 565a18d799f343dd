"""Searchers propose configurations and hear what became of them; they know no training."""

from osetra.search.random import RandomSearch

__all__ = ["RandomSearch"]
