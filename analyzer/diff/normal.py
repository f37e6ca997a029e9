"""Values without what differs from one run to the next."""

from __future__ import annotations

import re
from typing import Any, Final

from analyzer.redact import Redactor
from dissectors.text import safe

MAX_TEXT: Final = 300
"""Characters of one value that are compared and shown."""
VOLATILE: Final = "<volatile>"
_SECRET: Final = re.compile(r"‹key#\d+›(?:/‹key#\d+›)*|‹hidden›")
_URL_HOST: Final = re.compile(
    r"([a-z]{3,6}://)(?:[^/@\s]*@)?(?:\[[^\]\s]*\]|[^/:?#\s]*)(?::\d+)?", re.I
)
_IP: Final = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?(?![\w.])")
_LONG_NUMBER: Final = re.compile(r"(?<![\w.,])\d{5,}(?![\w.,])")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?")
_CHANGING: Final = re.compile(
    r"clientid|client_id|(?:^|_)(?:pid|cid|id|ip|uuid|uptime|time|timestamp|port|host)$|date$"
    r"|duration|filesize|lasttimestamp|lastkeyframe|datasize|connectionid|securetoken|sessionid",
    re.IGNORECASE,
)
"""Members that name a run: process and client numbers, clocks, sizes of what was recorded."""


class Normal:
    """Makes values of one capture comparable with those of another."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def text(self, text: str) -> str:
        """Return a text without stream names, credentials, hosts, dates and long numbers."""
        text = _SECRET.sub("<secret>", self._redactor.text(text))
        text = _URL_HOST.sub(r"\1<host>", text)
        text = _IP.sub("<address>", text)
        text = _LONG_NUMBER.sub("<number>", _DATE.sub("<date>", text))
        return safe(text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…")

    def value(self, value: Any, member: str = "") -> str:
        """Return a decoded AMF value in one line."""
        if member and _CHANGING.search(member) and not isinstance(value, bool | None):
            return VOLATILE
        if isinstance(value, str):
            return f"'{self.text(value)}'"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, float):
            return f"{value:.6g}"
        if isinstance(value, int):
            return str(value)
        if value is None:
            return "null"
        if isinstance(value, list):
            inner = ", ".join(self.value(item) for item in value[:64])
            return self._cut(f"[{inner}]")
        if isinstance(value, dict):
            return self._object(value)
        return self.text(str(value))

    def _object(self, value: dict[str, Any]) -> str:
        pairs = self.members(value)
        return self._cut("{" + ", ".join(f"{name}: {text}" for name, text in pairs) + "}")

    def members(self, value: dict[str, Any]) -> list[tuple[str, str]]:
        """Return the members of an object, each in one line."""
        items = value.get("$pairs")
        pairs = items if isinstance(items, list) else list(value.items())
        return [(self.text(str(name)), self.value(item, str(name))) for name, item in pairs[:256]]

    def _cut(self, text: str) -> str:
        return text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "…"
