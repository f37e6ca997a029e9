"""What a search may cost: hostile bytes can make every one of them worth a look."""

from __future__ import annotations


class Effort:
    """Counts down; the unit is one chunk header looked at, about 10 µs.

    The owner adds what the stream's length justifies; what is lacking then comes from `shared`.
    What is begun is finished, so `left` can become negative; then nothing is begun any more
    until it is paid off.
    """

    def __init__(self, left: int, shared: Effort | None = None) -> None:
        self.left = left
        self.shared = shared
        self.cut = False
        """A search was not made, or not to its end."""

    def spend(self, headers: int) -> None:
        """Take note of work done."""
        self.left -= headers
        if self.left < 0 and self.shared is not None and self.shared.left > 0:
            lent = min(-self.left, self.shared.left)
            self.shared.left -= lent
            self.left += lent

    def refuses(self) -> bool:
        """Whether nothing more is begun; who asks leaves work undone then."""
        if self.left > 0 or (self.shared is not None and self.shared.left > 0):
            return False
        self.leave()
        return True

    def leave(self) -> None:
        """Take note that a search is not made to its end."""
        for effort in (self, self.shared):
            if effort is not None:
                effort.cut = True
