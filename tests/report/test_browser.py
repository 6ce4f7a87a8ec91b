"""The report in a real browser: it renders, in light and dark, and asks the network for nothing."""

import functools
import json
import re
import shutil
import subprocess
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from bakeoff.report.page import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on PATH"),
]

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


def browse(profile: Path, *arguments: str) -> str:
    assert BROWSER is not None
    return subprocess.run(
        [BROWSER, *FLAGS, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    ).stdout


@pytest.fixture(scope="module")
def report(two_classes: dict, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(two_classes, path)
    return path


def requests_of_the_page(path: Path, profile: Path) -> list[str]:
    """Addresses that the page itself asks for, by the browser's own log of its network."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=path.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        log = profile.with_suffix(".json")
        page = browse(profile, f"--log-net-log={log}", "--dump-dom", f"{origin}/{path.name}")
        server.shutdown()
    assert "tree-tfidf" in page, "the page is there and shows the leaderboard"
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    return sorted({e["url"] for e in events if e.get("initiator") == origin and "url" in e})


def test_the_page_asks_the_network_for_nothing(report: Path, tmp_path: Path) -> None:
    assert requests_of_the_page(report, tmp_path / "profile") == []


def test_the_check_above_would_see_a_request(report: Path, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.html"
    page = re.sub("<meta http-equiv=[^>]*>", "", report.read_text())
    guilty.write_text(page.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>'))
    assert requests_of_the_page(guilty, tmp_path / "profile") == ["http://127.0.0.1:9/x.png"]


@pytest.mark.parametrize(("scheme", "setting"), [("light", 1), ("dark", 0)])
def test_page_follows_the_colour_scheme(
    report: Path, tmp_path: Path, scheme: str, setting: int
) -> None:
    from matplotlib.image import imread

    picture = tmp_path / f"{scheme}.png"
    browse(
        tmp_path / "profile",
        f"--blink-settings=preferredColorScheme={setting}",
        "--window-size=1100,1500",
        f"--screenshot={picture}",
        report.as_uri(),
    )
    pixels = imread(picture)[:, :, :3].mean(axis=2)
    paper = pixels[5, 5]
    assert paper > 0.95 if scheme == "light" else paper < 0.15
    inked = (abs(pixels - paper) > 0.4).mean()
    assert 0.01 < inked < 0.3, "text and figures stand out from the paper"


def test_a_phone_shows_whole_figures_and_scrolls_tables_that_say_so(
    report: Path, tmp_path: Path
) -> None:
    """The page inside a 390 px frame; a script outside it measures."""
    frame = tmp_path / "frame.html"
    source = report.read_text().replace("&", "&amp;").replace('"', "&quot;")
    frame.write_text(
        f'<iframe style="width:390px;height:844px" srcdoc="{source}"></iframe><p id="seen"></p>'
        "<script>onload = () => { const page = frames[0].document;"
        "const edges = (what) => [...page.querySelectorAll(what)].map("
        "  (element) => element.getBoundingClientRect()).filter((box) => box.width);"
        "const tables = [...page.querySelectorAll('.scroll')].filter((table) => table.clientWidth);"
        "requestAnimationFrame(() => requestAnimationFrame(() => {"
        'document.getElementById("seen").textContent = JSON.stringify({'
        "  page: page.documentElement.scrollWidth,"
        "  figures: edges('figure svg').map((box) => Math.round(box.right)),"
        "  scrolling: tables.map((table) => table.scrollWidth > table.clientWidth),"
        "  saying: tables.map((table) => table.firstElementChild.clientHeight > 9)})}))}</script>"
    )
    page = browse(tmp_path / "profile", "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
    seen = json.loads(page.rsplit('<p id="seen">', 1)[1].split("</p>", 1)[0])
    assert seen["page"] <= 390
    assert len(seen["figures"]) >= 4
    assert max(seen["figures"]) <= 390
    assert True in seen["scrolling"]
    assert seen["saying"] == seen["scrolling"]
