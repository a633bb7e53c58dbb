"""Who is asking: API keys with roles, kept as SHA-256 in the `access` policy of every service."""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from shared.http.problems import Problem
from shared.runtime.policies import PolicyDefinition, PolicyInvalid

ROLES: Final = frozenset(
    {"entry", "marketer", "sdr", "rep", "manager", "viewer", "analyst", "operator", "admin"},
)
_KEY_ID: Final = re.compile(r"[A-Za-z0-9-]+")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller. A rep's key acts only as that rep (`rep` is set); `teams` bounds a manager, empty means all."""

    key_id: str
    role: str
    rep: str | None = None
    teams: frozenset[str] = frozenset()

    @property
    def actor(self) -> str:
        """Who did it, as written into records: the rep, else the key."""
        return self.rep or self.key_id

    @property
    def bound_teams(self) -> frozenset[str] | None:
        """The teams that bound this manager; None for whoever no team bounds."""
        return self.teams if self.role == "manager" and self.teams else None

    @property
    def sees_all_leads(self) -> bool:
        """Whether leads are shown whoever has them: not to a rep, and not to a manager of some teams."""
        return self.role != "rep" and self.bound_teams is None

    def may_act_for(self, owner: str | None) -> bool:
        """Whether this caller may act on what `owner` has: its own, or as a manager, SDR or admin."""
        return self.role in {"admin", "manager"} or (self.rep is not None and self.rep == owner)


def all_teams_only(principal: Principal, what: str, instead: str) -> None:
    """Refuse a manager of some teams what holds all teams together, and say what to ask instead.

    Raises Problem 403.
    """
    if principal.bound_teams is not None:
        mine = ", ".join(sorted(principal.bound_teams))
        raise Problem(403, f"{what} all teams' together, and your key is bound to {mine}: ask {instead}", code="teams")


@dataclass(frozen=True, slots=True)
class Key:
    """One key of the access policy."""

    id: str
    sha256: str
    principal: Principal
    expires_at: datetime | None = None


ADMIN_KEY: Final = "admin"
"""The key id of the admin token."""
_ADMIN: Final = Principal(ADMIN_KEY, "admin")


@dataclass(slots=True)
class KeyRing:
    """The keys in force in this process, replaced whole when the policy changes."""

    admin_sha256: str = ""
    keys: Mapping[str, Key] = field(default_factory=dict[str, Key])
    session_secret: bytes = b""
    """What signs the browser's sessions, the same in every process; empty: none is taken."""

    def of_key(self, key_id: str, at: datetime) -> Principal | None:
        """The caller that a session's key stands for, None once the key is revoked or over."""
        key = self.keys.get(key_id)
        if key is None:
            return _ADMIN if key_id == _ADMIN.key_id and self.admin_sha256 else None
        return None if key.expires_at is not None and key.expires_at <= at else key.principal

    def principal(self, token: str, at: datetime) -> Principal | None:
        """The caller behind a bearer token, None where it opens nothing."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        if self.admin_sha256 and secrets.compare_digest(digest, self.admin_sha256):
            return _ADMIN
        key = self.keys.get(key_id_of(token))
        if key is None or not secrets.compare_digest(digest, key.sha256):
            return None
        return self.of_key(key.id, at)


def key_id_of(token: str) -> str:
    """The public part of `baton_<id>_<secret>`, empty for anything else."""
    parts = token.split("_", 2)
    return parts[1] if len(parts) == 3 and parts[0] == "baton" else ""


def new_token(key_id: str) -> tuple[str, str]:
    """A new token for a key id, and the SHA-256 that is kept of it."""
    token = f"baton_{key_id}_{secrets.token_urlsafe(32)}"
    return token, hashlib.sha256(token.encode()).hexdigest()


def parse_access(body: Mapping[str, Any]) -> dict[str, Key]:
    """The access policy `{keys: {id: {sha256, role, rep?, teams?, expires_at?}}}`.

    Raises PolicyInvalid with every problem found.
    """
    entries = body.get("keys") or {}
    if not isinstance(entries, Mapping):
        raise PolicyInvalid(["keys: expected an object of key ids"])
    problems: list[str] = []
    keys: dict[str, Key] = {}
    for key_id, entry in entries.items():
        found = list(_problems_of(str(key_id), entry))
        problems += found
        if not found:
            expires = entry.get("expires_at")
            principal = Principal(key_id, entry["role"], entry.get("rep"), frozenset(entry.get("teams") or ()))
            expires_at = datetime.fromisoformat(expires) if expires else None
            keys[key_id] = Key(key_id, entry["sha256"], principal, expires_at)
    if problems:
        raise PolicyInvalid(problems)
    return keys


def _problems_of(key_id: str, entry: Any) -> Iterator[str]:
    where = f"keys.{key_id}"
    if not _KEY_ID.fullmatch(key_id):
        yield f"{where}: a key id has letters, digits and hyphens only, since it stands between underscores in the token"
    if not isinstance(entry, Mapping):
        yield f"{where}: expected an object with sha256 and role"
        return
    role = entry.get("role")
    if role not in ROLES:
        yield f"{where}.role: {role!r} is no role; use one of {', '.join(sorted(ROLES))}"
    if role == "rep" and not entry.get("rep"):
        yield f"{where}.rep: a rep's key names its rep"
    if not _SHA256.fullmatch(str(entry.get("sha256", ""))):
        yield f"{where}.sha256: expected 64 hex digits; `baton key create` makes them"
    if entry.get("expires_at") and not _is_instant(entry["expires_at"]):
        yield f"{where}.expires_at: expected an instant with a zone, such as 2027-01-31T00:00:00Z"


def _is_instant(value: Any) -> bool:
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


ACCESS = PolicyDefinition(
    kind="access",
    parse=parse_access,
    preset={"keys": {}},
    read_roles=frozenset({"admin"}),
    write_roles=frozenset({"admin"}),
)


def bearer(headers: Mapping[str, str]) -> str:
    """The token of an Authorization header.

    Raises Problem 401 where there is none.
    """
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Problem(
            401,
            "send `Authorization: Bearer <token>`; the admin token is in the data directory, others come from"
            " `baton key create`",
            code="no-token",
            headers={"WWW-Authenticate": "Bearer"},
        )
    return token.strip()
