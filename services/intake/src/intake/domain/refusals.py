"""What a body is refused with, and the bounds it is held against."""

from dataclasses import dataclass


class Refused(Exception):
    """The answer to a sender whose body we do not take: which status, what is wrong, where (JSON path, field or byte), how to fix it.

    The texts never quote values of the body, only key names, so they may be shown and logged.
    """

    def __init__(self, status: int, title: str, detail: str, *, where: str = "", fix: str = "") -> None:
        super().__init__(f"{title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.where = where
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one body may hold."""

    max_body_bytes: int = 256 * 1024
    max_depth: int = 32
    max_keys: int = 20_000
    max_items: int = 20_000
    max_key_chars: int = 512
    max_string_chars: int = 64 * 1024
    max_form_fields: int = 1_000
    max_part_header_bytes: int = 4 * 1024


LEAD_BOUNDS = Bounds()
BATCH_BOUNDS = Bounds(max_body_bytes=1024 * 1024)  # a thousand notifications of Meta's


def held_to_size(raw: bytes, bounds: Bounds) -> None:
    if len(raw) > bounds.max_body_bytes:
        raise Refused(
            413,
            "Body too large",
            f"The body has {len(raw)} bytes; at most {bounds.max_body_bytes} are taken.",
            fix="Send fewer or smaller items per request; use an import for files.",
        )
