"""A `Progress` that keeps what it hears, for tests of what is said while something runs."""

from collections.abc import Mapping
from typing import Any


class Listener:
    def __init__(self) -> None:
        self.said: list[str] = []
        self.facts: list[Mapping[str, Any]] = []

    def notice(self, text: str) -> None:
        self.said.append(text)

    def update(self, facts: Mapping[str, Any]) -> None:
        self.facts.append(facts)
