"""Lets tests share an application: building one takes longer than most of what is asked of it."""

from typing import Any


class StandIn:
    """Passes on whatever it is asked to the part that a test puts behind it."""

    behind: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.behind, name)
