"""The doors policy: what each way in is, how its senders prove themselves, how its bodies are mapped."""

import re
import string
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from intake.domain.names import DEFAULTABLE_FIELDS, MAPPABLE_FIELDS, canonical_country
from intake.domain.problems import Model, Problem, problems_of

_DOOR_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_PLACEHOLDERS = frozenset({"body", "timestamp", "id", "method", "url"})


class SecretRef(Model):
    """The name of a secret: an environment variable, a file, or a name in the write-only store. Never its value."""

    env: str | None = None
    file: str | None = None
    secret: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _is_a_name(cls, value: object) -> object:
        if isinstance(value, dict):
            return cast("dict[str, Any]", value)
        raise ValueError("a secret is named, never written here: {env: NAME}, {file: PATH} or {secret: NAME}")

    @model_validator(mode="after")
    def _names_exactly_one(self) -> Self:
        names = [name for name in (self.env, self.file, self.secret) if name is not None]
        if len(names) != 1 or not names[0].strip():
            raise ValueError("name exactly one of env, file, secret, and not with an empty text")
        return self


Resolve: TypeAlias = Callable[[SecretRef], str | None]


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


# Several secrets overlap while one is rotated: any of them proves the sender.
Secrets = Annotated[tuple[SecretRef, ...], BeforeValidator(_as_list), Field(min_length=1)]
Paths = Annotated[tuple[str, ...], BeforeValidator(_as_list), Field(min_length=1)]


class Timestamp(Model):
    """Where the sender's time stands, its unit, and how far it may lie from ours, both ways."""

    header: str = Field(min_length=1)
    prefix: str = ""
    unit: Literal["s", "ms"] = "s"
    tolerance_s: int = Field(default=300, ge=1, le=86_400)


class Verify(Model):
    """A signature over a message made of the raw body and, if the template says so, of headers, method and URL."""

    header: str = Field(min_length=1)
    prefix: str = ""
    separator: str = ""
    digest: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    message: str = "{body}"
    secrets: Secrets
    secret_encoding: Literal["raw", "base64", "whsec"] = "raw"  # noqa: S105 - an encoding's name
    timestamp: Timestamp | None = None
    id_header: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _template_has_its_parts(self) -> Self:
        used = {name for _, name, _, _ in string.Formatter().parse(self.message) if name is not None}
        if not used <= _PLACEHOLDERS:
            raise ValueError(f"the message knows only {{{'}, {'.join(sorted(_PLACEHOLDERS))}}}")
        if "body" not in used:
            raise ValueError("the message must contain {body}, or the body is not proven")
        if ("timestamp" in used) != (self.timestamp is not None):
            raise ValueError("{timestamp} in the message and the key 'timestamp' go together")
        if ("id" in used) != (self.id_header is not None):
            raise ValueError("{id} in the message and the key 'id_header' go together")
        return self


class _Door(Model):
    """What doors of every kind have."""

    name: str
    token: Secrets | None = None  # in the path: /v1/hooks/{door}/{token}
    map: dict[str, Paths] = Field(default_factory=dict)
    defaults: dict[str, str] = Field(default_factory=dict)
    consent: dict[str, Paths] = Field(default_factory=dict)  # purpose -> the box's field
    owner: str | None = None  # the marketing owner
    tags: tuple[str, ...] = ()
    test: bool = False
    zone: str = "UTC"  # of times without a zone

    @model_validator(mode="before")
    @classmethod
    def _tags_may_stand_among_the_defaults(cls, value: object) -> object:
        defaults = value.get("defaults") if isinstance(value, dict) else None
        if not isinstance(defaults, dict) or "tags" not in defaults:
            return cast("object", value)
        door = cast("dict[str, Any]", value)
        if "tags" in door:
            raise ValueError("'tags' stands twice: beside 'defaults' and in it")
        rest = {key: text for key, text in cast("dict[str, Any]", defaults).items() if key != "tags"}
        tags = cast("dict[str, Any]", defaults)["tags"]
        return {**door, "defaults": rest, "tags": [tags] if isinstance(tags, str) else tags}

    @field_validator("map")
    @classmethod
    def _maps_to_known_fields(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for field, paths in value.items():
            if field not in MAPPABLE_FIELDS and not field.startswith(("channel_ids.", "click_ids.")):
                raise ValueError(f"{field!r} is no lead field; use one of {', '.join(sorted(MAPPABLE_FIELDS))}")
            if not all(path.strip() for path in paths):
                raise ValueError(f"{field!r} names an empty path")
        return value

    @field_validator("defaults")
    @classmethod
    def _defaults_are_known(cls, value: dict[str, str]) -> dict[str, str]:
        for field in value:
            if field not in DEFAULTABLE_FIELDS:
                raise ValueError(f"{field!r} can have no default; use one of {', '.join(sorted(DEFAULTABLE_FIELDS))}")
        country = value.get("country")
        if country is not None and canonical_country(country) is None:
            raise ValueError(f"country {country!r} is no ISO 3166 code of two letters, such as VN")
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value!r} is no IANA time zone, such as Asia/Ho_Chi_Minh") from None
        return value

    @property
    def country(self) -> str | None:
        given = self.defaults.get("country")
        return canonical_country(given) if given else None


class GoogleDoor(_Door):
    kind: Literal["google"]
    key: Secrets


class Graph(Model):
    """Where a notification's answers are fetched, and with what."""

    base_url: str = "https://graph.facebook.com"
    token: Secrets
    version: str | None = Field(default=None, pattern=r"v[0-9]{1,3}\.[0-9]{1,2}")  # None: the app's own
    calls_per_minute: int = Field(default=600, ge=1, le=60_000)

    @field_validator("base_url")
    @classmethod
    def _token_travels_encrypted(cls, value: str) -> str:
        parts = urlsplit(value)
        here = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
        bare = parts.hostname and not (parts.username or parts.password or parts.query or parts.fragment)
        if not bare or not (parts.scheme == "https" or here):
            raise ValueError(
                "base_url is https://host[/path]; http only on this machine, since a token travels with it"
            )
        return value.rstrip("/")


class MetaDoor(_Door):
    """Meta lead ads: signed notifications that carry ids only, whose answers are fetched."""

    kind: Literal["meta"]
    secret: Secrets
    verify_token: Secrets
    graph: Graph


class TypeformDoor(_Door):
    kind: Literal["typeform"]
    secret: Secrets


class GenericDoor(_Door):
    """Any JSON or form body. `items` is the path of a list, `id` of the vendor's id, `dedupe` of a composed key."""

    kind: Literal["generic"]
    verify: Verify | None = None
    items: str | None = Field(default=None, min_length=1)
    id: str | None = Field(default=None, min_length=1)
    dedupe: Paths | None = None


class HtmlDoor(_Door):
    kind: Literal["html"]
    honeypot: Paths = ("website_hp",)
    origins: tuple[str, ...] = ()
    thanks: str | None = None

    @field_validator("origins")
    @classmethod
    def _origins_are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            bare = f"{parts.scheme}://{parts.netloc}"
            if origin != "*" and (parts.scheme not in ("http", "https") or not parts.netloc or origin != bare):
                raise ValueError(f"{origin!r} is no origin; write scheme://host[:port] without a path, or *")
        return value

    @field_validator("thanks")
    @classmethod
    def _thanks_is_a_page(cls, value: str | None) -> str | None:
        local = value is None or re.fullmatch(r"/(?![/\\])[^\s\\]*", value)
        if not local and not re.fullmatch(r"https?://[^\s/\\]+[^\s\\]*", value or ""):
            raise ValueError("thanks is a page: https://… or a path beginning with one /")
        return value

    def allows(self, origin: str) -> bool:
        """Whether a browser on a page of this origin may post here."""
        return "*" in self.origins or origin.lower() in {one.lower() for one in self.origins}


class RestDoor(_Door):
    kind: Literal["rest"]


class ImportDoor(_Door):
    """Files of rows. What a row must have beside the fields policy's: one of each line, or it is parked."""

    kind: Literal["import"]
    required: tuple[Annotated[tuple[str, ...], BeforeValidator(_as_list)], ...] = ()

    @field_validator("required")
    @classmethod
    def _required_fields_exist(cls, value: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        for field in (name for line in value for name in line):
            if field not in MAPPABLE_FIELDS and field != "channel_ids":
                raise ValueError(f"{field!r} is no lead field; use one of {', '.join(sorted(MAPPABLE_FIELDS))}")
        return value


Door: TypeAlias = GoogleDoor | MetaDoor | TypeformDoor | GenericDoor | HtmlDoor | RestDoor | ImportDoor
_KINDS: dict[str, type[_Door]] = {
    "google": GoogleDoor,
    "meta": MetaDoor,
    "typeform": TypeformDoor,
    "generic": GenericDoor,
    "html": HtmlDoor,
    "rest": RestDoor,
    "import": ImportDoor,
}


class Doors(Model):
    doors: dict[str, Annotated[Door, Field(discriminator="kind")]]

    @model_validator(mode="before")
    @classmethod
    def _doors_know_their_names(cls, value: object) -> object:
        if not isinstance(value, dict) or not isinstance(value.get("doors"), dict):
            raise ValueError("the policy is {doors: {name: {kind: …}}}")  # noqa: TRY004 - pydantic reads ValueError
        policy = cast("dict[str, Any]", value)
        doors = cast("dict[object, Any]", policy["doors"])
        for name in doors:
            if not isinstance(name, str) or not _DOOR_NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no door name; use small letters, digits and dashes, at most 63")
        named = {name: {**door, "name": name} if isinstance(door, dict) else door for name, door in doors.items()}
        return {**policy, "doors": named}


def parse_doors(document: object) -> Doors | list[Problem]:
    """The policy, or everything that is wrong with it."""
    try:
        return Doors.model_validate(document)
    except ValidationError as error:
        known = {kind: tuple(model.model_fields) for kind, model in _KINDS.items()}
        return problems_of(error, known, tuple(_KINDS))


def secrets_of(door: Door) -> list[tuple[str, SecretRef]]:
    """Every secret the door names, with its path in the policy."""
    found = [(f"token[{place}]", ref) for place, ref in enumerate(door.token or ())]
    if isinstance(door, GoogleDoor):
        found += [(f"key[{place}]", ref) for place, ref in enumerate(door.key)]
    if isinstance(door, MetaDoor | TypeformDoor):
        found += [(f"secret[{place}]", ref) for place, ref in enumerate(door.secret)]
    if isinstance(door, MetaDoor):
        found += [(f"verify_token[{place}]", ref) for place, ref in enumerate(door.verify_token)]
        found += [(f"graph.token[{place}]", ref) for place, ref in enumerate(door.graph.token)]
    if isinstance(door, GenericDoor) and door.verify is not None:
        found += [(f"verify.secrets[{place}]", ref) for place, ref in enumerate(door.verify.secrets)]
    return [(f"doors.{door.name}.{path}", ref) for path, ref in found]


def lint_doors(policy: Doors, resolve: Resolve) -> list[Problem]:
    """What a valid policy still lacks: secrets that are not set or empty, doors that anyone may post to."""
    found: list[Problem] = []
    for door in policy.doors.values():
        found += [
            Problem(path, "this secret is not set, or empty; the door would refuse everybody", "set it, then publish")
            for path, ref in secrets_of(door)
            if not (resolve(ref) or "").strip()
        ]
        if isinstance(door, GenericDoor) and door.verify is None and door.token is None:
            path = f"doors.{door.name}"
            found.append(Problem(path, "anyone may post to this door", "add 'verify' or 'token'", "warning"))
    return found
