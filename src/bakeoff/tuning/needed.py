"""What a search needs beside the package itself."""

from __future__ import annotations

from importlib.util import find_spec

from bakeoff.errors import UserError


def refuse_without_packages() -> None:
    """Raises:
    UserError: Ray or Optuna is not installed.
    """
    missing = {"ray": "Ray", "optuna": "Optuna"}
    if absent := [name for package, name in missing.items() if find_spec(package) is None]:
        verb = "is" if len(absent) == 1 else "are"
        raise UserError(
            f"{' and '.join(absent)} {verb} not installed: pip install 'bakeoff[ray]', or leave "
            "out --tune"
        )
