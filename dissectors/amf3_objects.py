"""AMF3 objects: traits, sealed, dynamic and externalizable values (AMF3 §3.12)."""

from typing import Final

from dissectors.amf import pairs, unquoted
from dissectors.amf3_tables import Amf3Tables, Traits
from dissectors.cursor import Cursor, Malformed
from dissectors.fields import Field
from dissectors.text import quote

ONE_VALUE_CLASSES: Final = frozenset(
    {
        "flex.messaging.io.ArrayCollection",
        "flex.messaging.io.ArrayList",
        "flex.messaging.io.ObjectProxy",
    }
)
"""Externalizable Flex classes whose body is one AMF3 value."""

_ABSTRACT: Final = (
    ("body", "client_id", "destination", "headers", "message_id", "timestamp", "time_to_live"),
    ("client_id_bytes", "message_id_bytes"),
)
_ASYNC: Final = (("correlation_id", "correlation_id_bytes"),)
SMALL_MESSAGES: Final[dict[str, tuple[tuple[tuple[str, ...], ...], ...]]] = {
    "DSA": (_ABSTRACT, _ASYNC),
    "DSK": (_ABSTRACT, _ASYNC, ((),)),
    "DSC": (_ABSTRACT, _ASYNC, (("operation",),)),
}
"""BlazeDS "small messages": per level of the class hierarchy the names of the flag bits, per
flag byte (bit 7 says another flag byte follows)."""


class Amf3Objects(Amf3Tables):
    """Reads what holds other values; `_fill` reads any value."""

    def _fill(self, cur: Cursor, node: Field, prefix: str) -> None:
        raise NotImplementedError

    def _items(self, cur: Cursor, node: Field, count: int, items: list[Field]) -> None:
        for done in range(count):
            if not cur:
                raise Malformed(f"array of {count} values ends after {done}", cur.pos)
            child = Field("item", "Value", None, cur.pos, 0, 0, node.space)
            node.children.append(child)
            items.append(child)
            self._fill(cur, child, "")

    def _named_values(
        self, cur: Cursor, node: Field, found: list[tuple[str, Field]], end: str
    ) -> None:
        """Read (name, value) pairs up to the empty name."""
        while True:
            at = cur.pos
            if cur.peek() == b"\x01":
                cur.pos += 1
                node.add("end", end, None, at, 1, plumbing=True)
                return
            child = Field("property", "Property", None, at, 0, 0, node.space)
            node.children.append(child)
            found.append(("", child))
            key = self._text(cur, child, "name", "Name", True)
            found[-1] = (key, child)
            child.label = f"Property {quote(key)}"
            child.length = cur.pos - at
            self._fill(cur, child, child.label + " ")

    def _object(self, cur: Cursor, node: Field, prefix: str, plumb: bool) -> None:
        """AMF3 §3.12: traits (inline or by reference), sealed values, dynamic values."""
        at = cur.pos
        header = self._u29(cur, "Object")
        used = cur.pos - at
        if not header & 1:
            index = header >> 1
            node.add("reference", f"Object reference: {index}", index, at, used, plumbing=True)
            self._resolve(node, index)
            return
        node.length = cur.pos - node.start
        self.budget.enter(node)
        entered = self._enter(node, 0x0A)
        found: list[tuple[str, Field]] = []
        name = ""
        try:
            traits = self._read_traits(cur, node, header, (at, used))
            name = traits.class_name
            node.label = f"{prefix}Object" + (f" {quote(name)}" if name else "")
            if traits.externalizable:
                self._external(cur, node, traits, found)
            for member in traits.members:
                self._member(cur, node, member, found)
            if traits.dynamic:
                self._named_values(cur, node, found, "End Of dynamic members")
        finally:
            self.budget.depth -= 1
            self._close_object(node, name, found)
            node.length = cur.pos - node.start
        self._leave(cur, entered)

    def _close_object(self, node: Field, name: str, found: list[tuple[str, Field]]) -> None:
        if name in ONE_VALUE_CLASSES and found:
            node.value = found[0][1].value
        else:
            node.value = pairs((key, child.value) for key, child in found)
        node.label += f" ({len(found)} items)"
        if name:
            node.value = {"$class": name, "value": node.value}

    def _member(
        self, cur: Cursor, node: Field, member: str, found: list[tuple[str, Field]]
    ) -> None:
        """Read one value whose name stands elsewhere: in the traits, or in the class's format."""
        if not cur:
            raise Malformed(f"value of member {quote(member)} missing", cur.pos)
        child = Field("property", f"Property {quote(member)}", None, cur.pos, 0, 0, node.space)
        child.add("name", f"Name: {unquoted(member)}", member, plumbing=True)
        node.children.append(child)
        found.append((member, child))
        self._fill(cur, child, child.label + " ")

    def _read_traits(self, cur: Cursor, node: Field, header: int, at: tuple[int, int]) -> Traits:
        """Return the traits that U29O `header` announces (AMF3 §3.12, bits from the lowest on)."""
        if not header & 2:
            index = header >> 2
            node.add("traits_reference", f"Traits reference: {index}", index, *at, plumbing=True)
            if index >= len(self._traits):
                self._bad = True
                known = len(self._traits)
                raise Malformed(f"traits {index}, but {known} traits so far", *at)
            return self._traits[index]
        external, dynamic = bool(header & 4), bool(header & 8)
        count = 0 if external else header >> 4
        holder = node.add("traits", "Traits", None, at[0], at[1], plumbing=True)
        kind = "externalizable" if external else "dynamic" if dynamic else "not dynamic"
        holder.add("traits_header", f"Trait count: {count}, {kind}", count, *at, plumbing=True)
        members: list[str] = []
        try:
            name = self._text(cur, holder, "class_name", "Class name", True)
            holder.label = f"Traits for class {unquoted(name)} ({count} member names)"
            for _ in range(count):
                self.budget.spend(holder)
                members.append(self._text(cur, holder, "member_name", "Member", True))
        finally:
            holder.length = cur.pos - holder.start
        traits = Traits(name, tuple(members), dynamic and not external, external)
        self._traits.append(traits)
        return traits

    def _external(
        self, cur: Cursor, node: Field, traits: Traits, found: list[tuple[str, Field]]
    ) -> None:
        """Read what a class wrote with IExternalizable: only known classes have an end."""
        name = traits.class_name
        if name in ONE_VALUE_CLASSES:
            self._member(cur, node, "source", found)
            return
        levels = SMALL_MESSAGES.get(name)
        if levels is None:
            text = f"externalizable class {quote(name)} has a format of its own: cannot go on"
            raise Malformed(text, cur.pos, len(cur))
        for level in levels:
            for flags, names in self._flag_bytes(cur, node, level):
                for bit in range(7):
                    if flags >> bit & 1:
                        member = names[bit] if bit < len(names) else f"extra{bit}"
                        self._member(cur, node, member, found)

    def _flag_bytes(
        self, cur: Cursor, node: Field, names: tuple[tuple[str, ...], ...]
    ) -> list[tuple[int, tuple[str, ...]]]:
        """Read the flag bytes of one class level of a small message; bit 7 announces another."""
        read: list[tuple[int, tuple[str, ...]]] = []
        while not read or read[-1][0] & 0x80:
            at = cur.pos
            flags = cur.u8("flags")
            self.budget.spend(node)
            node.add("flags", f"Flags: 0x{flags:02x}", flags, at, 1, plumbing=True)
            read.append((flags, names[len(read)] if len(read) < len(names) else ()))
        return read
