"""What a search may cost: hostile bytes can make every one of them worth a look."""


class Effort:
    """Counts down; the unit is one chunk header looked at, about 10 µs.

    The owner adds what the stream's length justifies. What is begun is finished, so `left` can
    become negative; then nothing is begun any more until it is paid off.
    """

    def __init__(self, left: int) -> None:
        self.left = left

    def spend(self, headers: int) -> None:
        """Take note of work done."""
        self.left -= headers

    @property
    def exhausted(self) -> bool:
        return self.left <= 0
