"""application/x-www-form-urlencoded bytes to fields, and what both form encodings share: charsets and repeated names."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from intake.domain.refusals import LEAD_BOUNDS, Bounds, Refused, held_to_size

Form = dict[str, str | list[str]]

# Labels as the web uses them (latin-1 means windows-1252 there), each with the codec that decodes it. A closed list:
# Python's registry also holds codecs that are no charsets.
_CODECS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "utf-8", "ascii": "utf-8",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "latin-1": "cp1252", "windows-1252": "cp1252", "cp1252": "cp1252",
    "windows-1258": "cp1258", "cp1258": "cp1258", "windows-874": "cp874", "tis-620": "cp874",
    "windows-1250": "cp1250", "windows-1251": "cp1251", "iso-8859-2": "iso8859-2", "iso-8859-15": "iso8859-15",
    "koi8-r": "koi8-r", "gbk": "gb18030", "gb2312": "gb18030", "gb18030": "gb18030", "big5": "big5hkscs",
    "shift_jis": "cp932", "euc-jp": "euc-jp", "euc-kr": "cp949",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class RawField:
    """One field before decoding. `charset` is the part's own, where it has one."""

    name: bytes
    value: bytes
    charset: str | None = None


def parse_urlencoded(raw: bytes, charset: str | None = None, bounds: Bounds = LEAD_BOUNDS) -> Form:
    """The fields of an urlencoded form, or `Refused`. `+` is a space; a repeated name or `name[]` is a list."""
    held_to_size(raw, bounds)
    if raw.count(b"&") >= bounds.max_form_fields:
        raise too_many_fields(bounds)
    pairs = (pair.partition(b"=") for pair in raw.replace(b"+", b" ").split(b"&") if pair)
    fields = [RawField(unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs]
    return gather(fields, charset, bounds)


def gather(fields: list[RawField], charset: str | None, bounds: Bounds) -> Form:
    """Decodes and collects the fields; the form's own `_charset_` outranks the content type's charset."""
    named = next((field.value for field in fields if field.name == b"_charset_" and field.value), None)
    whole = codec_of(named.decode("latin-1") if named is not None else charset)
    return _collected((_decoded(field, whole, bounds) for field in fields if field.name != b"_charset_"), bounds)


def codec_of(charset: str | None) -> str:
    """The Python codec of a charset label; UTF-8 where there is none."""
    if charset is None or not charset.strip():
        return "utf-8"
    codec = _CODECS.get(charset.strip().lower())
    if codec is None:
        raise Refused(
            400,
            "Unknown charset",
            "The form names a charset that is not known here.",
            where="charset",
            fix="Send the form as UTF-8 (accept-charset=utf-8).",
        )
    return codec


def too_many_fields(bounds: Bounds) -> Refused:
    return Refused(
        413,
        "Too many fields",
        f"The form has more than {bounds.max_form_fields} fields.",
        fix="Send fewer fields.",
    )


def _decoded(field: RawField, codec: str, bounds: Bounds) -> tuple[str, str]:
    name = _text(field.name, codec, "a field name")
    where = name[:64].encode("unicode_escape").decode()
    if len(name) > bounds.max_key_chars:
        raise Refused(400, "Field name too long", f"A field name has more than {bounds.max_key_chars} characters.")
    value = _text(field.value, codec if field.charset is None else codec_of(field.charset), where)
    if len(value) > bounds.max_string_chars:
        raise Refused(
            413,
            "Text too long",
            f"A field has {len(value)} characters; at most {bounds.max_string_chars} are taken.",
            where=where,
            fix="Shorten the text.",
        )
    return name, value.replace("\r\n", "\n")


def _text(raw: bytes, codec: str, where: str) -> str:
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as wrong:
        raise Refused(
            400,
            "Wrong encoding",
            f"The bytes are not {codec}, from byte {wrong.start} of this field on.",
            where=where,
            fix="Send the form as UTF-8, or name its charset in the content type or in a field _charset_.",
        ) from None
    if "\x00" in text:
        raise Refused(
            400,
            "NUL character",
            "A field holds the character U+0000, which cannot be stored.",
            where=where,
            fix="Remove the character before sending.",
        )
    return text


def _collected(pairs: Iterable[tuple[str, str]], bounds: Bounds) -> Form:
    lists: dict[str, list[str]] = {}
    several: set[str] = set()
    count = 0
    for key, value in pairs:
        count += 1
        name = key.removesuffix("[]") or key
        if name != key or name in lists:
            several.add(name)
        lists.setdefault(name, []).append(value)
    if count > bounds.max_form_fields:
        raise too_many_fields(bounds)
    return {name: values if name in several else values[0] for name, values in lists.items()}
