"""Whether Weights & Biases is online, offline or off."""

from __future__ import annotations

import netrc
import os
import re
from importlib.util import find_spec
from pathlib import Path

from bakeoff.errors import UserError, unknown_name
from bakeoff.remote import split
from bakeoff.tracking.connection import quieten

MODES = ("online", "offline", "disabled")
DESTINATION = ("WANDB_PROJECT", "WANDB_ENTITY", "WANDB_BASE_URL")
"""Variables of where runs are kept: they are no secrets, and steps elsewhere need them."""
DEFAULT_HOSTS = ["api.forge.coreweave.com", "api.wandb.ai"]
"""One service under its new and its old name."""

_NOT_IN_PROJECTS = re.compile(r"[/\\#?%:]")


def resolve_mode(asked: str | None = None, logged_in: bool = True) -> str:
    """The mode of a bake-off's runs: as asked, else `$WANDB_MODE`, else by whether there is a key;
    disabled where W&B is not installed.

    Args:
        asked: a mode; None leaves it open.
        logged_in: whether runs see a key that `wandb login` left, as containers do not.

    Returns:
        "online", "offline" or "disabled".

    Raises:
        UserError: an unknown mode, or one that needs what is not there: the package, a key; W&B's
            variables name no project or no server.
    """
    installed = find_spec("wandb") is not None
    _check_place()
    mode = asked or os.environ.get("WANDB_MODE") or None
    if mode is None:
        if not installed:
            return "disabled"
        return "online" if _has_key(logged_in) else "offline"
    if mode not in MODES:
        raise unknown_name("W&B mode", mode, MODES)
    if mode != "disabled" and not installed:
        raise UserError(
            "W&B is not installed: pip install '.[wandb]' in its clone, or --wandb disabled"
        )
    if mode == "online" and not _has_key(logged_in):
        login = "run `wandb login`" if logged_in else "as containers see no `wandb login`"
        raise UserError(f"W&B online needs a key: set WANDB_API_KEY, {login}, or choose offline")
    return mode


def go_online() -> None:
    """Make sure that W&B's server can be asked; its client is silent from now on.

    Raises:
        UserError: W&B or what builds its reports is not installed, there is no key, or W&B's
            variables name no project or no server.
    """
    for module in ("wandb", "wandb_workspaces"):
        if not find_spec(module):
            raise UserError(
                f"the package {module} is not installed: pip install '.[wandb]' in bakeoff's clone"
            )
    if not _has_key():
        raise UserError("W&B needs a key: set WANDB_API_KEY, or run `wandb login`")
    _check_place()
    quieten()


def _check_place() -> None:
    """Raise a UserError for variables that the client would stumble over later, or take for its own
    server's; an empty address is none.
    """
    project, address = project_name(), os.environ.get("WANDB_BASE_URL")
    if odd := _NOT_IN_PROJECTS.search(project):
        raise UserError(
            f"WANDB_PROJECT={project}: W&B allows no {odd[0]!r} in a project's name; the team or "
            "person it belongs to goes into WANDB_ENTITY"
        )
    if address == "":
        del os.environ["WANDB_BASE_URL"]
    elif address and not re.match(r"https?://[^/]", address):
        raise UserError(f"WANDB_BASE_URL={address}: begin it with https:// or http://")
    elif address:
        split(address)


def project_name(last: str = "") -> str:
    """The W&B project: that of `$WANDB_PROJECT`, else where a run was last, else bakeoff."""
    return os.environ.get("WANDB_PROJECT") or last or "bakeoff"


def server() -> str:
    """What W&B is called to a person; with the address where it is another one than usual."""
    own = split(os.environ.get("WANDB_BASE_URL") or "").netloc.rpartition("@")[2]
    return f"W&B at {own}" if own else "W&B"


def _has_key(logged_in: bool = True) -> bool:
    """A key in the environment or, as `wandb login` leaves it, in a netrc file."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    if not logged_in:
        return False
    base_url = os.environ.get("WANDB_BASE_URL")
    hosts = [split(base_url).netloc] if base_url else DEFAULT_HOSTS
    path = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    try:
        logins = netrc.netrc(path)
    except (OSError, netrc.NetrcParseError):
        return False
    return any(logins.authenticators(host) for host in hosts)
