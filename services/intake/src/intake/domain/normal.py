"""Normal forms: e-mail, phone, company, domain, URL. Nothing here asks the network."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from publicsuffixlist import PublicSuffixList

from intake.domain.mail_providers import MAIL_PROVIDERS
from intake.domain.text import fold, has_cjk

_NOTHING = frozenset(
    {"", "n a", "na", "none", "null", "nil", "undefined", "unknown", "khong", "khong co", "chua co", "无", "没有"}
)
# No such text is among them, however it is folded: they have no digit, no ten letters, and begin with n, u, k or c.
_SOMETHING = re.compile(r"[0-9]|[A-Za-z]{10}|\A[\x00-@\[-`{-\x7f]*[abd-jlmo-tv-zABD-JLMO-TV-Z]")
_PHONE_PREFIX = re.compile(r"^\s*(?:p:|tel:)\s*", re.IGNORECASE)
_SEVERAL = re.compile(r"[/;,、|]| or ")
FEWEST_PHONE_DIGITS = 5  # below it a text is no number in any country
_MAX_EMAIL_CHARS = 254
_MAX_PHONE_CHARS = 64
_INTERNATIONAL = re.compile(r"\+[1-9](?:[ .-]?[0-9])*", re.ASCII)
# The address that nearly everybody has, for which the full grammar would find the same; of names that are reserved for
# tests and private networks (.test, .local) it is also an address here.
_USUAL_EMAIL = re.compile(
    r"(?=.{3,254}\Z)(?=[^@]{1,64}@)[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)\.)+[a-z]{2,63}",
    re.ASCII,
)
_LATIN_FORMS = (
    "company limited", "co ltd", "co", "company", "ltd", "limited", "llc", "llp", "inc", "incorporated", "corp",
    "corporation", "plc", "pte", "pty", "pte ltd", "pty ltd", "sdn bhd", "bhd", "gmbh", "co kg", "kg", "ag", "se",
    "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "ab", "oy", "as", "aps", "kk", "jsc", "joint stock company", "group",
    "cong ty", "cty", "cong ty tnhh", "tnhh", "trach nhiem huu han", "cong ty co phan", "co phan", "ctcp", "cp",
    "mtv", "mot thanh vien", "hai thanh vien", "dntn", "doanh nghiep tu nhan", "tap doan", "hkd", "ho kinh doanh",
)  # fmt: skip
_CJK_FORMS = (
    "股份有限公司", "有限责任公司", "有限責任公司", "有限公司", "集团公司", "集团", "集團", "公司", "株式会社", "주식회사",
)  # fmt: skip


def is_nothing(text: str) -> bool:
    """Whether a text only says that there is no value: "n/a", "-", "không có"."""
    return _SOMETHING.search(text) is None and fold(text) in _NOTHING


def email(text: str) -> str | None:
    """The address in lower case and NFC, or None where it is none."""
    written = text.strip().removeprefix("mailto:")
    if written.isascii():
        if _USUAL_EMAIL.fullmatch(lower := written.lower()):
            return lower
    else:
        written = unicodedata.normalize("NFC", written)
    if not written or len(written) > _MAX_EMAIL_CHARS or "@" not in written:
        return None
    try:
        # deliverability needs DNS, and reserved names such as example.com are for tests: neither is asked here
        valid = validate_email(written, check_deliverability=False, globally_deliverable=False, test_environment=True)
    except EmailNotValidError:
        return None
    normal = unicodedata.normalize("NFC", valid.normalized.lower())
    domain = normal.rpartition("@")[2]
    return normal if "." in domain and not domain.startswith("[") else None


def phone(text: str, country: str | None) -> str | None:
    """The number as E.164, or None where it is none or its country can't be known."""
    if len(text) <= _MAX_PHONE_CHARS and (usual := _usual_number(text)) is not None:
        return usual
    written = _SEVERAL.split(_PHONE_PREFIX.sub("", text.strip()), maxsplit=1)[0].strip()
    if not written or len(written) > _MAX_PHONE_CHARS:
        return None
    if written.startswith("00") and country is None:
        written = "+" + written[2:]
    usual = _usual_number(written)
    if usual is not None:
        return usual
    international = unicodedata.normalize("NFKC", written).startswith("+")
    if not international and country is None:
        return None
    try:
        number = phonenumbers.parse(written, None if international else country)
    except phonenumbers.NumberParseException:
        return None
    known = phonenumbers.is_possible_number(number) if international else phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) if known else None


def _usual_number(written: str) -> str | None:
    """A number that begins with + and a country code, and has a possible length: as the library would find it."""
    if not _INTERNATIONAL.fullmatch(written):
        return None
    digits = written[1:].replace(" ", "").replace(".", "").replace("-", "")
    for length in (1, 2, 3):
        known = _country(int(digits[:length]))
        if known is not None:
            national = digits[length:]
            usual = len(national) in known.lengths and not known.prefix.match(national)
            return f"+{digits}" if usual else None
    return None


class _Country(NamedTuple):
    lengths: frozenset[int]
    prefix: re.Pattern[str]  # what may stand before a national number, and is then no part of it


@cache
def _country(code: int) -> _Country | None:
    if code not in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
        return None
    region = phonenumbers.region_code_for_country_code(code)
    data = (
        phonenumbers.PhoneMetadata.metadata_for_nongeo_region(code)
        if region == "001"
        else phonenumbers.PhoneMetadata.metadata_for_region(region)
    )
    lengths = data.general_desc.possible_length if data is not None and data.general_desc is not None else ()
    prefix = (data.national_prefix_for_parsing or "") if data is not None else ""
    return _Country(frozenset(lengths), re.compile(f"0|{prefix}" if prefix else "0"))


def company(text: str) -> str:
    """The company's name without its legal form, folded: to compare names, not to show them."""
    folded = fold(text)
    bare = folded
    for form in _CJK_FORMS:
        bare = bare.replace(form, " ")
    bare = f" {bare} "
    for form in _latin_forms():
        bare = _stripped(bare, f" {form} ")
    bare = re.sub(r"(?<=[^\x00-\x7f]) +(?=[^\x00-\x7f])", "", bare.strip()) if has_cjk(bare) else bare.strip()
    return re.sub(r" +", " ", bare) or folded


@cache
def _latin_forms() -> tuple[str, ...]:
    return tuple(sorted(_LATIN_FORMS, key=len, reverse=True))


def _stripped(text: str, form: str) -> str:
    # only at the ends: "Co" is a legal form in "Abc Co" and a name in "Co Loa Foods"
    while text.endswith(form) and text != form:
        text = text.removesuffix(form) + " "
    if len(form) > len(" cp ") and text.startswith(form) and text != form:
        text = " " + text.removeprefix(form)
    return text


def company_domain(email_address: str | None, website: str | None, personal: frozenset[str]) -> str | None:
    """The registrable domain of the company: from the e-mail, else the website, unless it is a mail provider's."""
    hosts = (email_address.rpartition("@")[2] if email_address else None, host_of(website) if website else None)
    for host in hosts:
        domain = _registrable(host) if host else None
        if domain is not None and domain not in MAIL_PROVIDERS and domain not in personal and host not in personal:
            return domain
    return None


@cache
def _suffixes() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=4096)
def _registrable(host: str) -> str | None:
    # None for an address of digits and for a public suffix itself
    if not re.search(r"[^\d.:]", host):
        return None
    return _suffixes().privatesuffix(host.lower().strip("."))


def host_of(url: str) -> str | None:
    try:
        host = urlsplit(url if "://" in url else f"https://{url}").hostname
    except ValueError:
        return None
    return host.removeprefix("www.") if host and "." in host and " " not in host else None


def without_query(url: str) -> str | None:
    """The URL without query, fragment and credentials; None where it is none."""
    if ":" not in url:
        return None
    try:
        parts = urlsplit(url.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return urlunsplit((parts.scheme, f"{host}:{port}" if port else host, parts.path, "", ""))


def query(url: str) -> dict[str, str]:
    """The first value of each parameter of a URL."""
    if "?" not in url:
        return {}
    try:
        pairs = parse_qsl(urlsplit(url).query, max_num_fields=200)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name.lower(), value)
    return found
