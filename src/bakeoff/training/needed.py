"""What Ray's part of the package needs beside the package itself."""

from __future__ import annotations

from importlib.util import find_spec

from bakeoff.errors import UserError

TO_TRAIN = {"ray": "Ray"}
TO_SEARCH = {"ray": "Ray", "optuna": "Optuna"}


def refuse_without(packages: dict[str, str], option: str) -> None:
    """Raises:
    UserError: one of the packages, module → name, is not installed, and `option` needs it.
    """
    if absent := [name for package, name in packages.items() if find_spec(package) is None]:
        verb = "is" if len(absent) == 1 else "are"
        raise UserError(
            f"{' and '.join(absent)} {verb} not installed: pip install '.[ray]' in its clone, or "
            f"leave out {option}"
        )
