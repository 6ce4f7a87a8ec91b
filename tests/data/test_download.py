"""Downloads from a real server that breaks off, refuses ranges, or serves the wrong file."""

import hashlib
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import SimpleNamespace

import numpy as np
import pytest

from bakeoff import events
from bakeoff.data import download as module
from bakeoff.data.download import download
from bakeoff.errors import UserError

CONTENT = np.random.default_rng(0).bytes(100_000)
MD5 = hashlib.md5(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        shop = self.server
        asked = self.headers.get("Range")
        shop.asked.append(asked)
        shop.open.wait(10)
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        if self.path != "/file":
            self.send_error(404)
            return
        if start >= len(CONTENT) and shop.ranges:
            self.send_error(416)
            return
        self.send_response(206 if asked and shop.ranges else 200)
        body = CONTENT[start:] if shop.ranges else CONTENT
        sent = body[: shop.breaks.pop(0)] if shop.breaks else body
        if shop.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            sent = f"{len(body):x}\r\n".encode() + sent + b"\r\n0\r\n\r\n" * (sent == body)
        elif shop.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(sent)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """Serves CONTENT at /file; `breaks` are the bytes after which its answers break off."""
    Handler.protocol_version = "HTTP/1.1"
    Handler.close_connection = True
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as shop:
        shop.asked, shop.breaks, shop.open = [], [], Event()
        shop.open.set()
        shop.ranges, shop.chunked, shop.length = True, False, True
        shop.url = f"http://127.0.0.1:{shop.server_port}/file"
        Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield shop
        shop.shutdown()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds between tries, which the tests do not wait."""
    waited = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=time.monotonic)
    monkeypatch.setattr(module, "time", clock)
    return waited


@pytest.fixture
def target(tmp_path):
    return tmp_path / "cache" / "file.bin"


@pytest.fixture
def part(target):
    target.parent.mkdir()
    return target.with_name("file.bin.part")


def left(target):
    return [path.name for path in target.parent.iterdir()]


def test_a_whole_file_once(server, target):
    assert download(server.url, target, MD5) == target
    assert target.read_bytes() == CONTENT
    assert left(target) == ["file.bin"]
    download(server.url, target, MD5)
    assert server.asked == [None]


def test_its_progress_is_told(server, target, tmp_path, monkeypatch):
    monkeypatch.setenv(events.VARIABLE, str(tmp_path))
    monkeypatch.setattr(events, "_stream", None)
    download(server.url, target, MD5)
    told = [json.loads(line) for line in next(tmp_path.glob("*.jsonl")).read_text().splitlines()]
    assert (told[-1]["event"], told[-1]["name"]) == ("download", "file.bin")
    assert told[-1]["done"] == told[-1]["total"] == 100_000


def test_a_part_goes_on_from_its_end(server, target, part):
    part.write_bytes(CONTENT[:40_000])
    download(server.url, target, MD5)
    assert server.asked == ["bytes=40000-"]
    assert target.read_bytes() == CONTENT


def test_a_server_without_ranges_starts_anew(server, target, part):
    server.ranges = False
    part.write_bytes(CONTENT[:40_000])
    download(server.url, target, MD5)
    assert target.read_bytes() == CONTENT


def test_a_complete_part_is_checked_and_taken(server, target, part):
    part.write_bytes(CONTENT)
    download(server.url, target, MD5)
    assert server.asked == ["bytes=100000-"]
    assert target.read_bytes() == CONTENT


def test_a_server_that_tells_no_length(server, target):
    server.length = False
    download(server.url, target, MD5)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize("chunked", [False, True])
def test_a_broken_connection_goes_on_where_it_broke(server, target, waits, chunked):
    server.chunked, server.breaks = chunked, [40_000, 10_000]
    download(server.url, target, MD5)
    assert target.read_bytes() == CONTENT
    assert len(server.asked) == 3
    assert waits == [1, 2]
    if not chunked:
        assert server.asked == [None, "bytes=40000-", "bytes=50000-"]


def test_after_four_breaks_it_gives_up_and_the_next_call_goes_on(server, target, waits):
    server.breaks = [10_000] * 4
    with pytest.raises(UserError, match=r"broke after 40000 of 100000 bytes; try again") as caught:
        download(server.url, target, MD5)
    assert server.url in str(caught.value)
    assert waits == [1, 2, 4]
    assert left(target) == ["file.bin.part"]
    download(server.url, target, MD5)
    assert server.asked[-1] == "bytes=40000-"
    assert target.read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server, target):
    with pytest.raises(UserError, match=f"wrong checksum: expected MD5 {'0' * 32}, found {MD5}"):
        download(server.url, target, "0" * 32)
    assert left(target) == []


def test_a_spoilt_part_is_removed_and_the_next_call_succeeds(server, target, part):
    part.write_bytes(b"x" * 120_000)
    with pytest.raises(UserError, match=r"wrong checksum: .*partial file was removed"):
        download(server.url, target, MD5)
    download(server.url, target, MD5)
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("{}/../none", "HTTP Error 404"),
        ("http://127.0.0.1:9/file", "Connection refused"),
        ("http://127.0.0.1:port/file", "nonnumeric port"),
        ("file:///none/file", "No such file"),
    ],
)
def test_a_file_that_cannot_be_had_is_explained(server, target, url, reason):
    with pytest.raises(UserError, match=f"cannot download .*{reason}.*or give a local copy"):
        download(url.format(server.url), target, MD5)
    assert left(target) == []


def test_a_file_address(target, tmp_path):
    (tmp_path / "local").write_bytes(CONTENT)
    download((tmp_path / "local").as_uri(), target, MD5)
    assert target.read_bytes() == CONTENT


@pytest.fixture
def waiting(server, target):
    """Begins two downloads, of which the second waits; gives what they end with, once the server is
    `open`."""
    ended, heard = [], []

    def begin(md5):
        def bring():
            try:
                ended.append(download(server.url, target, md5))
            except UserError as error:
                ended.append(error)

        thread = Thread(target=bring)
        thread.start()
        return thread

    def both(first):
        server.open.clear()
        with events.heard(heard.append):
            threads = [begin(first)]
            until(lambda: server.asked)
            threads.append(begin(MD5))
            until(lambda: heard)
            server.open.set()
            for thread in threads:
                thread.join()
        return ended, [one["message"] for one in heard if one["event"] == "warning"]

    return both


def until(seen):
    for _ in range(1000):
        if seen():
            return
        time.sleep(0.01)
    pytest.fail("nothing came")


def test_of_two_that_want_a_file_one_fetches_it_and_the_other_waits(server, target, waiting):
    ended, said = waiting(MD5)
    assert ended == [target, target]
    assert server.asked == [None]
    assert said == ["another process downloads file.bin: waiting for it"]
    assert left(target) == ["file.bin"]


def test_who_waited_for_one_that_failed_fetches_the_file(target, waiting):
    ended, said = waiting("0" * 32)
    assert "wrong checksum" in str(ended[0])
    assert ended[1] == target
    assert target.read_bytes() == CONTENT
    assert len(said) == 1
    assert left(target) == ["file.bin"]


def test_a_full_disk_is_not_tried_again(server, small_disk, waits):
    with pytest.raises(UserError, match=r"cannot write .*file\.bin: the disk is full"):
        download(server.url, small_disk / "file.bin", MD5)
    assert waits == []


def test_a_file_where_the_cache_should_be(server, tmp_path):
    (tmp_path / "cache").write_text("")
    with pytest.raises(UserError, match="a file stands where a folder is needed"):
        download(server.url, tmp_path / "cache" / "file.bin", MD5)
