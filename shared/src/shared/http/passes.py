"""A pass to one lead, for a rep or a manager of some teams: the word of router, who knows whose a lead is, signed for those services that do not.

Whoever shows it is asked for their own key too, so a pass that leaks opens nothing. Like sessions it goes by real time.
"""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

from fastapi import Query

from shared.http.access import Principal

PASS_LASTS: Final = timedelta(hours=12)
_SPELLING: Final = "baton:passes"
FindSecret = Callable[[str], str | None]
Opens = Literal["lead", "score"]
"""A pass to a lead opens its score too; one to the score alone is for a lead in a pool, whose person is not shown."""
Pass = Annotated[str, Query(alias="pass", max_length=200)]


def with_passes(find_secret: FindSecret, session_secret: bytes) -> FindSecret:
    """The look-up of secrets, with the key that passes are signed by: derived, so it signs no session."""
    key = hmac.new(session_secret, b"passes", hashlib.sha256).hexdigest() if session_secret else None
    return lambda spelling: key if spelling == _SPELLING else find_secret(spelling)


def new_pass(find_secret: FindSecret, holder: Principal, lead_id: UUID, opens: Opens, at: datetime) -> str | None:
    """A pass for this rep, or for this key of a manager; None where the installation has no secret to sign it by."""
    key = find_secret(_SPELLING)
    said = f"{opens}.{int((at + PASS_LASTS).timestamp())}"
    return None if not key else f"{said}.{_mac(key, holder, lead_id, said)}"


def is_let_in(
    find_secret: FindSecret, principal: Principal, lead_id: UUID, opens: Opens, given: str, at: datetime
) -> bool:
    """Whether a caller may read this of a lead: who sees all leads, and who has a pass that is in force."""
    if principal.sees_all_leads:
        return True
    key, (said, _, mac) = find_secret(_SPELLING), given.rpartition(".")
    to, _, until = said.partition(".")
    if not key or not hmac.compare_digest(mac.encode(), _mac(key, principal, lead_id, said).encode()):
        return False
    return to in ("lead", opens) and int(until) > at.timestamp()


def _mac(key: str, holder: Principal, lead_id: UUID, said: str) -> str:
    # a rep's begins with an id, so whatever a rep is called it is none of a manager's
    to = f"{lead_id}:{holder.rep or ''}" if holder.role == "rep" else f"key:{holder.key_id}:{lead_id}"
    return hmac.new(key.encode(), f"{to}:{said}".encode(), hashlib.sha256).hexdigest()
