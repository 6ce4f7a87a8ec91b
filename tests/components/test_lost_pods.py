"""A training in a pod, as a cluster runs it, that is lost, or whose store is away."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from real_s3 import serving
from test_on_a_cluster import Backend

from bakeoff.remote import KFP_KEYS
from bakeoff.training.settings import BESIDE, CHECKPOINTS

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.access("/", os.W_OK), reason="Kubeflow mounts artifacts at /minio"),
]
BUCKET = "bakeoff-lost-pods"
MOUNT = Path("/minio") / BUCKET
EPOCHS = 24
SETTINGS = (
    "hidden=32, embedding_dim=32, max_tokens=200, training.batch_size=16, dropout=0.3, "
    f"training.epochs={EPOCHS}, training.least_steps=0, training.patience={EPOCHS}"
)


class Door:
    """A port that leads to a server, as long as it is open."""

    def __init__(self, address):
        self.target, self.open = (address.hostname, address.port), True
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self._welcome, daemon=True).start()

    def _welcome(self):
        with suppress(OSError):
            while True:
                guest, _ = self.listener.accept()
                if not self.open:
                    guest.close()
                    continue
                host = socket.create_connection(self.target)
                for ends in ((guest, host), (host, guest)):
                    threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source, target):
        with suppress(OSError):
            while self.open and (content := source.recv(65536)):
                target.sendall(content)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@pytest.fixture(scope="module")
def store():
    """The file system of a bucket, and the door to it."""
    with serving(BUCKET) as files:
        door = Door(urlsplit(os.environ["AWS_ENDPOINT_URL"]))
        yield files, door
        door.listener.close()
    shutil.rmtree(MOUNT, ignore_errors=True)
    with suppress(OSError):
        MOUNT.parent.rmdir()


@pytest.fixture(scope="module")
def pod(tmp_path_factory, reviews_csv, store):
    """Starts the pod of a task: on a machine of its own, with the same store."""
    backend = Backend(tmp_path_factory.mktemp("cluster"))
    columns = {"input_column": "review", "label_column": "stars"}
    prepared = backend(
        "prepare", data=str(reviews_csv), split="0.6:0.2:0.2", seed=0, limit=600, **columns
    )
    given = {"model": "rnn-64", "seed": 0, "settings": SETTINGS, "threads": 1}
    given |= {"study": "sentiment", "preset": "quick"}
    command = backend.command("train_text_network", dataset=prepared["dataset"], **given)
    [message] = [part for part in command if part.startswith("{")]

    def start(task):
        shutil.rmtree(MOUNT, ignore_errors=True)
        told = json.loads(message)
        [output] = told["outputs"]["artifacts"]["network_models"]["artifacts"]
        output["uri"] = f"minio://{BUCKET}/{task}/network_models"
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        keys = dict(zip(KFP_KEYS, ("nobody", "hidden-key"), strict=True))
        return subprocess.Popen(
            [json.dumps(told) if part == message else part for part in command],
            env={
                **os.environ,
                **keys,
                "AWS_ENDPOINT_URL": store[1].address,
                "PATH": path,
                CHECKPOINTS: BESIDE,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    return start


def ended(process, task):
    """What a pod printed; and the trained network, byte for byte, without times."""
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    return printed, trained(task)


def trained(task):
    [folder] = (MOUNT / task / "network_models").glob("*/")
    return {path.name: path.read_bytes() for path in folder.glob("*.safetensors")}


def kept(files, task):
    """Checkpoints of a task in the store."""
    files.invalidate_cache()
    found = files.find(f"{BUCKET}/{task}/checkpoints-network_models")
    # Of a folder that appears while it looks, s3fs finds the folder.
    return [name for name in found if name.endswith("/checkpoint.safetensors")]


def until_kept(process, files, task):
    while not kept(files, task):
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)


def epochs(printed):
    return [int(number) for number in re.findall(rf": epoch (\d+)/{EPOCHS},", printed)]


@pytest.fixture(scope="module")
def unbroken(pod):
    printed, network = ended(pod("unbroken"), "unbroken")
    assert epochs(printed) == list(range(1, EPOCHS + 1))
    assert network
    return network


def test_a_pod_that_is_killed_has_a_successor_that_goes_on_with_an_empty_disk(pod, store, unbroken):
    first = pod("killed")
    until_kept(first, store[0], "killed")
    os.killpg(first.pid, signal.SIGKILL)  # The shell and what it started.
    before = epochs(first.communicate()[0])
    printed, network = ended(pod("killed"), "killed")
    [again] = [line for line in printed.splitlines() if "goes on after epoch" in line]
    done = int(again.rpartition(" ")[2].partition("/")[0])
    assert 1 <= done < EPOCHS
    assert len(before) - 1 <= done <= len(before) + 1
    assert epochs(printed) == list(range(done + 1, EPOCHS + 1))
    assert network == unbroken
    assert not kept(store[0], "killed"), "what is done keeps no checkpoint"


def test_a_store_that_is_away_for_seconds_ends_no_training(pod, store, unbroken):
    files, door = store
    process = pod("away")
    until_kept(process, files, "away")
    door.open, printed = False, ""
    for line in process.stdout:
        printed += line
        if "does not answer" in line:  # The client's own tries have failed by then.
            door.open = True
    assert process.wait() == 0, printed
    assert door.open
    assert epochs(printed) == list(range(1, EPOCHS + 1))
    assert trained("away") == unbroken
    assert not kept(files, "away")
