"""Minor units to the amounts that people read."""

from decimal import Decimal
from typing import Final

# ISO 4217: the currencies whose minor unit is not a hundredth
_DIGITS: Final = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"), 0),
    **dict.fromkeys(("XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}


def digits(currency: str) -> int:
    """How many decimals the currency's minor unit stands for."""
    return _DIGITS.get(currency, 2)


def major(amount_minor: int, currency: str) -> Decimal:
    """The amount in the currency's own unit, exactly."""
    return Decimal(amount_minor).scaleb(-digits(currency))


def number(amount_minor: int, currency: str) -> int | float:
    """The same as a JSON number, whole where it is whole."""
    amount = major(amount_minor, currency)
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def spelled(amount_minor: int, currency: str) -> str:
    """The same for a sentence: 180,000,000 VND."""
    return f"{number(amount_minor, currency):,} {currency}".strip()
