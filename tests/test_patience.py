"""A real server that is away, busy or breaks off; nobody really waits."""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace

import pytest

from bakeoff import events
from bakeoff.errors import UserError
from bakeoff.patience import StoreAwayError, passes, patient, repeated
from bakeoff.remote import read_bytes, remote_checksum

CONTENT = b"text,label\n" + b"fine,good\n" * 500


class Handler(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self._answer(b"")

    def do_GET(self):
        self._answer(CONTENT)

    def _answer(self, body):
        self.server.asked.append(self.command)
        trouble = self.server.troubles.pop(0) if self.server.troubles else 0
        if trouble:
            self.send_error(trouble)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.send_header("ETag", '"abc"')
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    """Serves CONTENT; `troubles` are the statuses of its next answers."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as shop:
        shop.asked, shop.troubles = [], []
        shop.url = f"http://127.0.0.1:{shop.server_port}/reviews.csv"
        Thread(target=shop.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield shop
        shop.shutdown()


@pytest.fixture(autouse=True)
def waits(monkeypatch):
    """The seconds between tries, which pass at once."""
    waited = []
    clock = SimpleNamespace(sleep=waited.append, monotonic=lambda: sum(waited))
    monkeypatch.setattr("bakeoff.clock.time", clock)
    return waited


def test_a_busy_server_is_asked_again_and_each_time_is_said(server, waits):
    said = []
    server.troubles = [503] * 99
    with patient(), events.heard(said.append), pytest.raises(UserError, match="503"):
        read_bytes(server.url)
    assert waits[:6] == [1, 2, 4, 8, 15, 15]
    assert 285 < sum(waits) <= 300
    assert len(said) == len(waits)
    assert said[0]["event"] == "warning"
    assert said[0]["message"].startswith(f"{server.url} does not answer (503")
    assert said[0]["message"].endswith("): again in 1 s")


def test_after_it_has_come_back_all_is_as_if_nothing_had_been(server, waits):
    server.troubles = [503, 503]
    with patient():
        assert read_bytes(server.url) == CONTENT
        assert waits
        server.troubles = [502, 502, 502]
        assert remote_checksum(server.url) == remote_checksum(server.url)


def test_a_server_that_is_not_there_is_waited_for(waits):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as nobody:
        url = f"http://127.0.0.1:{nobody.server_port}/reviews.csv"
    with patient(), pytest.raises(StoreAwayError, match="check the address and the cred"):
        read_bytes(url)
    assert sum(waits) > 285


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_mistake_is_not_repeated(server, waits, status):
    server.troubles = [status] * 20
    with patient(), pytest.raises(UserError, match="cannot read"):
        read_bytes(server.url)
    assert waits == []


@pytest.mark.parametrize("url", ["http://no-such-host.invalid/reviews.csv", "memory://none.csv"])
def test_an_address_that_leads_nowhere_is_not_repeated(waits, url):
    with patient(), pytest.raises(UserError, match="cannot read"):
        read_bytes(url)
    assert waits == []


def test_at_a_terminal_nothing_is_repeated(server, waits):
    server.troubles = [503] * 5
    with pytest.raises(UserError, match="503"):
        read_bytes(server.url)
    assert waits == []


def test_patience_may_be_told(waits):
    tries = []

    def fails():
        tries.append(1)
        raise TimeoutError

    for seconds, count in ((0, 1), (1, 2), (7, 4)):
        tries.clear()
        waits.clear()
        with patient(), pytest.raises(TimeoutError):
            repeated(fails, "s3://bucket", seconds)
        assert (len(tries), sum(waits)) == (count, seconds)


def test_names_that_cannot_be_looked_up_now_may_be_later():
    assert passes(socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution"))
    assert not passes(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))


def test_no_login_is_said():
    def fails():
        raise ConnectionError("cannot reach http://me:5ecret@store:9000/x\nmore")

    said = []
    with events.heard(said.append), pytest.raises(ConnectionError):
        repeated(fails, "s3://bucket", seconds=2)
    assert "http://store:9000/x)" in said[0]["message"]
    assert "5ecret" not in str(said)
