"""What gives a credential away: the name of a member or parameter, the place in an address."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

SENSITIVE: Final = re.compile(
    r"token|secret|passw|passphrase|passcode|signature|credential|stream_?key|challenge|response"
    r"|nonce|session|ticket|bearer|cookie|digest|verifier|access_?code"
    # Scheme and author of something are none.
    r"|auth(?!mod$|or(?!i[sz]))"
    r"|(?:sign|hash|keys?|pwd?|psk|salt|opaque|hmac|md5|sha(?:1|256|512)|jwt|sid|sig|pass|pin|otp"
    r"|creds?|hdn(?:ts|ea|tl))$"
    r"|^(?:user|username|login)$",
    re.IGNORECASE,
)
"""Names of parameters, members and remote calls whose values are credentials, and all below."""
_INSTANCE: Final = re.compile(
    r"_?(?:app|backup|cdn|channel|default|definst|demo|dev|edge|event|hls|ingest|inst|instance"
    r"|live|main|media|origin|play|primary|prod|production|program|public|publish|record|relay"
    r"|room|secondary|show|stage|staging|stream|studio|test|video|vod)s?(?:[_-]?\d{1,3})?_?"
    r"|\d{3,4}[pi]\d{0,3}|.{0,3}",
    re.IGNORECASE | re.DOTALL,
)
"""Names that instances of applications have; nothing so plain, or so short, is a key."""
_SLASH: Final = re.compile("/|%2f", re.IGNORECASE)
_END: Final = ".,:!)]>"
"""What follows an address in a sentence."""


def path_keys(path: str) -> Iterator[str]:
    """Yield the parts of an application's path that are keys: who has one address to fill in
    pastes the whole, as in ``live/key``. The first part is the application's own name."""
    for part in _SLASH.split(path.strip("/"))[1:]:
        part = part.partition(";")[0].rstrip(_END)
        if not _INSTANCE.fullmatch(part):
            yield part
