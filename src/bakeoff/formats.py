"""Figures as people read them; one place, so that page, terminal and Markdown agree."""

from __future__ import annotations

from typing import Any

NARROW_SPACE = "\u202f"
MINUS = "\u2212"
_MOST_DIGITS = 4


def percent(share: float) -> str:
    """A share with one digit behind the point, or with as many as keep it from reading as all or
    nothing.

    >>> percent(0.8936), percent(1), percent(0.99986), percent(0.0004)
    ('89.4\u202f%', '100.0\u202f%', '99.99\u202f%', '0.04\u202f%')
    """
    return f"{hundredths(share)}{NARROW_SPACE}%"


def hundredths(share: float) -> str:
    """As `percent`, without the sign.

    >>> hundredths(0.8936), hundredths(0.9996)
    ('89.4', '99.96')
    """
    edges = ("0", "100")
    digits = (f"{100 * share:.{n}f}" for n in range(1, _MOST_DIGITS + 1) if 0 < share < 1)
    told = (text for text in digits if text.rstrip("0").rstrip(".") not in edges)
    return next(told, f"{100 * share:.1f}")


def interval(low: float, high: float) -> str:
    """
    >>> interval(0.885, 0.9021)
    '88.5 to 90.2\u202f%'
    """
    return f"{hundredths(low)} to {percent(high)}"


def points(difference: float) -> str:
    """A difference of two shares in percentage points, always with its sign.

    >>> points(0.0123), points(-0.002)
    ('+1.2', '−0.2')
    """
    return f"{100 * difference:+.1f}".replace("-", MINUS)


def count(number: float) -> str:
    """
    >>> count(1234567)
    '1,234,567'
    """
    return f"{number:,.0f}"


def short(number: float) -> str:
    """A count in at most six characters, for narrow tables.

    >>> short(713), short(24_530), short(1_567_890), short(25_000_000)
    ('713', '24.5k', '1.57M', '25.0M')
    """
    if number < 1000:
        return count(number)
    number, unit = (number / 1e3, "k") if number < 999_500 else (number / 1e6, "M")
    return f"{number:.3g}{unit}" if number >= 100 else f"{number:#.3g}{unit}"


def decimal(number: float) -> str:
    """Three digits behind the point, the way scores such as F1 are printed.

    >>> decimal(0.89361)
    '0.894'
    """
    return f"{number:.3f}"


def duration(seconds: float) -> str:
    """
    >>> duration(0.034), duration(6.12), duration(62.4), duration(200), duration(3900)
    ('0.03\u202fs', '6.1\u202fs', '62\u202fs', '3\u202fmin 20\u202fs', '1\u202fh 5\u202fmin')
    """
    if seconds < 1:
        return f"{seconds:.2f}{NARROW_SPACE}s"
    if seconds < 9.95:
        return f"{seconds:.1f}{NARROW_SPACE}s"
    if round(seconds) < 120:
        return f"{seconds:.0f}{NARROW_SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{NARROW_SPACE}min {rest}{NARROW_SPACE}s"
    return f"{minutes // 60}{NARROW_SPACE}h {minutes % 60}{NARROW_SPACE}min"


def since(seconds: float) -> str:
    """An age, in its largest whole unit.

    >>> since(59), since(61), since(7300), since(200_000)
    ('0\u202fmin', '1\u202fmin', '2\u202fh', '2\u202fd')
    """
    for unit, length in (("d", 86400), ("h", 3600)):
        if seconds >= length:
            return f"{seconds // length:,.0f}{NARROW_SPACE}{unit}"
    return f"{max(seconds, 0) // 60:.0f}{NARROW_SPACE}min"


def size(number_of_bytes: float) -> str:
    """Decimal units, as disks and downloads are sold.

    >>> size(812), size(6_400_000)
    ('812\u202fB', '6.4\u202fMB')
    """
    for unit in ("B", "kB", "MB", "GB"):
        if number_of_bytes < 999.5 or unit == "GB":
            break
        number_of_bytes /= 1000
    digits = 1 if unit != "B" and number_of_bytes < 99.95 else 0
    return f"{number_of_bytes:.{digits}f}{NARROW_SPACE}{unit}"


def p_value(p: float) -> str:
    """
    >>> p_value(0.00002), p_value(0.0412)
    ('< 0.001', '0.041')
    """
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def words(name: str) -> str:
    """The key of a record as a table heading.

    >>> words("train_seconds")
    'train seconds'
    """
    return name.replace("_", " ")


def plain(value: Any) -> str:
    """Any setting or fact: short numbers, lists with commas, a dash for nothing.

    >>> plain(0.002), plain(0.123456789), plain(30000), plain(["a", "b"]), plain("")
    ('0.002', '0.1235', '30,000', 'a, b', '–')
    >>> plain(True), plain({"train": 3}), plain(37_571.6)
    ('yes', 'train: 3', '37,572')
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return count(value) if abs(value) >= 1000 else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value) or "–"
    return str(value) if value not in (None, "") else "–"
