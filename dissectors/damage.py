"""What a malformed value leaves in the tree."""

from dissectors.cursor import Malformed
from dissectors.fields import Field


def attach(root: Field, fault: Malformed, cut: bool) -> None:
    """Put the fault where reading stopped and close the containers that were being read.

    `cut`: the bytes were not captured to their end, so nobody is to blame.
    """
    path = [root]
    while path[-1].children:
        path.append(path[-1].children[-1])
    for node in reversed(path):
        if node.children:
            node.length = max(node.length, max(child.end for child in node.children) - node.start)
    place = next((node for node in reversed(path) if node.children or not node.length), root)
    if cut:
        place.note("cut_short", f"the body ends here: {fault.reason}")
    else:
        place.error("malformed", f"{fault.reason} (body offset {fault.start})")
