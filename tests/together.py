"""Two processes that train together, as torch.distributed's gloo group."""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from typing import Any

SECONDS = 240


def _serve(rank: int, count: int, port: int, pipe: Any) -> None:
    import torch
    from torch import distributed as dist

    torch.set_num_threads(1)
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    dist.init_process_group("gloo", rank=rank, world_size=count)
    while (call := pipe.recv()) is not None:
        function, arguments = call
        try:
            pipe.send((True, function(*arguments)))
        except Exception as error:
            traceback.print_exc()
            pipe.send((False, error))
    dist.destroy_process_group()


class Together:
    """Processes that call a function at the same time."""

    def __init__(self, count: int = 2) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        context = multiprocessing.get_context("spawn")
        self._pipes, self._processes = [], []
        for rank in range(count):
            here, there = context.Pipe()
            process = context.Process(target=_serve, args=(rank, count, port, there), daemon=True)
            process.start()
            self._pipes.append(here)
            self._processes.append(process)

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What each returned; the exception of one that raised is its result."""
        for pipe in self._pipes:
            pipe.send((function, arguments))
        results = []
        for pipe in self._pipes:
            if not pipe.poll(SECONDS):
                self.close()
                raise TimeoutError("a worker waits for one that left")
            results.append(pipe.recv()[1])
        return results

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.join()
