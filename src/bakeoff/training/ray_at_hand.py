"""The Ray that workers would run on: whether it answers, and how many of them it has room for."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import inf

from bakeoff.errors import UserError

ADDRESS = "RAY_ADDRESS"
"""Ray's own variable: a cluster that runs already, as host:port; without it one starts here."""
GREETING_SECONDS = 5.0
"""For which a Ray has time to answer."""
_GREET = [
    *(sys.executable, "-P", "-c"),
    "import sys; from ray._raylet import GcsClient; print(flush=True); "
    "GcsClient(address=sys.argv[1])",
]

Machine = Mapping[str, float]
"""Resource → how many of it a machine of Ray has, as "CPU" and "GPU"."""


def reach(address: str) -> None:
    """Try a connection: Ray itself tries for minutes.

    Raises:
        UserError: nobody answers, or somebody who is no Ray.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"{ADDRESS} is {address!r}; give it as host:port, such as 10.0.0.7:6379")
    if not answers(address):
        raise UserError(
            f"no Ray answers at {address}: start it, or unset {ADDRESS} for one on this machine"
        )
    # In a process that can be ended: what no Ray answers, it waits for without end.
    with subprocess.Popen(
        [*_GREET, address], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as greeting:
        assert greeting.stdout
        greeting.stdout.readline()  # Once this machine has loaded Ray, which takes seconds.
        try:
            greeting.wait(GREETING_SECONDS)
        except subprocess.TimeoutExpired:
            raise UserError(
                f"what answers at {address} is no Ray: give {ADDRESS} the host and port of its "
                "head, usually 6379, not those of its dashboard or client"
            ) from None
        finally:
            greeting.kill()


def answers(address: str) -> bool:
    """Whether anybody takes connections at host:port."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), GREETING_SECONDS).close()
    except (OSError, ValueError, OverflowError):  # No host or port has such a name or number.
        return False
    return True


def total(machines: Iterable[Machine], resource: str) -> int:
    """How many of a resource the machines have together."""
    return int(sum(machine.get(resource, 0) for machine in machines))


def rooms(machines: Iterable[Machine], threads: int, gpus: int = 0) -> int:
    """For how many processes of so many CPUs and GPUs the machines have room, each whole on one."""
    return sum(
        int(min(machine.get("CPU", 0) // threads, machine.get("GPU", 0) // gpus if gpus else inf))
        for machine in machines
    )


def refuse_too_much(machines: Sequence[Machine], workers: int, threads: int, gpus: int = 0) -> None:
    """Refuse what a cluster that does not grow has never room for.

    Raises:
        UserError: what is asked for, and what is there.
    """
    have = total(machines, "CPU")
    if workers * threads > have:
        raise UserError(
            f"{workers} workers of {threads} CPUs need {workers * threads}, and Ray has {have}: "
            "train with fewer --workers or --threads"
        )
    have = total(machines, "GPU")
    if workers * gpus > have:
        raise UserError(
            f"{workers} workers of {gpus} GPU need {workers * gpus}, and Ray has {have}: train "
            "with fewer --workers, or with --gpus-per-worker 0"
        )
    if (have := rooms(machines, threads, gpus)) < workers:
        raise UserError(
            f"a worker of {threads} CPUs and {gpus} GPU is on one machine, and those of Ray have "
            f"room for {have} of {workers}: train with fewer --workers or --threads"
        )


def gpus_each(have: int, workers: int) -> int:
    """GPUs of each worker, where nobody said.

    Raises:
        UserError: there are some, and too few.
    """
    if 0 < have < workers:
        raise UserError(
            f"Ray has {have} GPU for {workers} workers: train with --workers {have}, or on CPUs "
            "with --gpus-per-worker 0"
        )
    return int(have > 0)
