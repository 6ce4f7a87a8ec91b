import os
import random
import subprocess
import sys
import time

import pytest
from s3_store import Store

from bakeoff.patience import StoreAwayError
from bakeoff.s3 import Folder
from bakeoff.shipped import LogReader, Shipper, shipped

LINES = [f"line {number}: ä\n".encode() for number in range(300)]


class Unreliable(Store):
    """Fails every other time; whether it has done what it was asked, nobody knows."""

    chance = random.Random(0)

    def __truediv__(self, name):
        return Unreliable(f"{self.place}/{name}", self.files, self.state)

    def write(self, name, content, *, patience=0.0):
        while True:
            kind = self.chance.choice(["ok", "not done", "done"])
            if kind != "not done":
                super().write(name, content)
            if kind == "ok":
                return
            if not patience:
                raise StoreAwayError

    def read(self, name, *, patience=0.0):
        if self.chance.random() < 0.3:
            raise StoreAwayError
        return super().read(name)


def read_all(reader, until):
    """What a reader gives that is told of failures."""
    text, tries = "", 0
    while not text.endswith(until) and tries < 1000:
        tries += 1
        try:
            for chunk in reader.chunks():
                text += chunk
        except StoreAwayError:
            continue
    return text


def test_no_line_is_lost_or_repeated_whatever_fails():
    folder = Unreliable("s3://bucket/log")
    shipper, reader = Shipper(folder, "driver", every=0.001), LogReader(folder)
    text = ""
    for number, line in enumerate(LINES):
        shipper.feed(line[:4])
        shipper.feed(line[4:])
        if number % 10 == 0:
            time.sleep(0.002)
            try:
                for chunk in reader.chunks():
                    assert chunk.endswith("\n")
                    text += chunk
            except StoreAwayError:
                pass
    shipper.feed(b"the end, without a line's")
    shipper.close()
    text += read_all(reader, "a line's")
    assert text == b"".join(LINES).decode() + "the end, without a line's"
    assert len(folder.files) > 5


def test_what_is_refused_for_a_while_is_kept_afterwards():
    folder = Store("s3://bucket/log")
    folder.state["refuses"] = True
    shipper = Shipper(folder, "driver", every=0.001)
    shipper.feed(b"one\n")
    time.sleep(0.02)
    folder.state["refuses"] = False
    shipper.feed(b"two\n")
    shipper.close()
    assert read_all(LogReader(folder), "two\n") == "one\ntwo\n"
    folder.state["refuses"] = True
    Shipper(folder, "driver").close()


def test_processes_are_read_in_order_of_their_start():
    folder = Store("s3://bucket/log")
    for who in ("driver", "worker"):
        shipper = Shipper(folder, who)
        shipper.feed(f"{who}\n".encode())
        shipper.close()
    assert list(LogReader(folder).chunks()) == ["driver\n", "worker\n"]


def test_without_a_place_nothing_is_kept(monkeypatch, capfd):
    monkeypatch.delenv("BAKEOFF_LOG", raising=False)
    with shipped("driver") as shipper:
        print("here")
    assert shipper is None
    assert capfd.readouterr().out == "here\n"


PROGRAM = """
import os, subprocess, sys
from bakeoff.shipped import shipped
with shipped("driver"):
    print("of Python")
    sys.stdout.flush()
    os.write(2, b"of a library\\n")
    subprocess.run(["echo", "of another process"])
    raise SystemExit(3)
"""


def test_all_that_a_process_prints_is_kept_and_shown(s3_server):
    place = f"{s3_server}/log"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "BAKEOFF_LOG": place},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    kept = "".join(LogReader(Folder(place)).chunks())
    assert kept == "of Python\nof a library\nof another process\n" == done.stdout


@pytest.mark.parametrize("printed", [b"", b"\xff\xfe\n"])
def test_what_is_no_text_does_no_harm(printed):
    folder = Store("s3://bucket/log")
    shipper = Shipper(folder, "driver")
    shipper.feed(printed)
    shipper.close()
    assert len("".join(LogReader(folder).chunks())) == len(printed)
