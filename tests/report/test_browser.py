"""The report, and the page that compares runs, in a real browser: they render, in light and dark,
on a phone and on paper, axe-core finds nothing that would keep somebody from reading them, keys
unfold them, and they ask the network for nothing.
"""

import functools
import html
import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from threading import Thread
from urllib.request import urlopen

import pytest
from websocket import create_connection

from bakeoff.report.across import write_page
from bakeoff.report.page import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome on PATH"),
]

AXE = find_spec("axe_core_python")

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


def across() -> dict:
    """Three runs compared, as `running.across` gives them; C was tested on other rows."""
    told = {"created": "2026-11-27T09:16:00", "modality": "text"}
    told["data"] = "a-long-name-of-tickets-2026.csv"
    scores = {"accuracy": 0.9, "accuracy_low": 0.88, "accuracy_high": 0.92, "validation": 0.9}
    costs = {"test": 1200, "train_seconds": 61.7, "report": "runs/20261127-0916/report.html"}
    bounds = {"difference": 0.02, "low": -0.01, "high": 0.04, "p": 0.02, "holm_p": 0.06}
    return {
        **{"metric": "accuracy", "model": "", "apart": []},
        "runs": [
            {"letter": letter, "run": "20261127-091600", "model": model, **told, **scores, **costs}
            for letter, model in (("A", "bilstm-glove"), ("B", "tree-tfidf"), ("C", "nb-counts"))
        ],
        "pairs": [
            {"first": first, "second": second, "paired": second == "B", "verdict": said, **bounds}
            for first, second, said in (("A", "B", "better"), ("A", "C", "undecided"))
        ],
        "settings": {"seed": [0, 0, 1], "models": ["nb-counts, " * 12] * 3, "limit": [0, None, 9]},
    }


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compared") / "compare.html"
    write_page(across(), path)
    return path


@pytest.fixture(scope="module")
def searched(two_classes: dict, search: dict) -> dict:
    return {**two_classes, "searches": [search]}


@pytest.fixture(
    scope="module",
    params=[
        *("report", "full_study", "twelve_classes", "two_hundred_classes", "pictures"),
        *("searched", "compared"),
    ],
)
def any_page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = request.getfixturevalue(request.param)
    if isinstance(made, Path):
        return made
    path = tmp_path_factory.mktemp(request.param) / "report.html"
    write_report(made, path)
    return path


@pytest.fixture(scope="module", params=["report", "compared"])
def page(request: pytest.FixtureRequest) -> Path:
    return request.getfixturevalue(request.param)


def requests_of_the_page(path: Path, profile: Path) -> list[str]:
    """Addresses that the page itself asks for, by the browser's own log of its network."""
    handler = functools.partial(SimpleHTTPRequestHandler, directory=path.parent)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        origin = f"http://127.0.0.1:{server.server_port}"
        log = profile.with_suffix(".json")
        shown = browse(profile, f"--log-net-log={log}", "--dump-dom", f"{origin}/{path.name}")
        server.shutdown()
    assert "tree-tfidf" in shown, "the page is there and shows the models"
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    return sorted({e["url"] for e in events if e.get("initiator") == origin and "url" in e})


def test_the_page_asks_the_network_for_nothing(page: Path, tmp_path: Path) -> None:
    assert requests_of_the_page(page, tmp_path / "profile") == []


def test_the_check_above_would_see_a_request(report: Path, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.html"
    shown = unprotected(report)
    guilty.write_text(shown.replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>'))
    assert requests_of_the_page(guilty, tmp_path / "profile") == ["http://127.0.0.1:9/x.png"]


@pytest.mark.parametrize(("scheme", "setting"), [("light", 1), ("dark", 0)])
def test_page_follows_the_colour_scheme(
    page: Path, tmp_path: Path, scheme: str, setting: int
) -> None:
    from matplotlib.image import imread

    picture = tmp_path / f"{scheme}.png"
    browse(
        tmp_path / "profile",
        f"--blink-settings=preferredColorScheme={setting}",
        "--window-size=1100,1500",
        f"--screenshot={picture}",
        page.as_uri(),
    )
    pixels = imread(picture)[:, :, :3].mean(axis=2)
    paper = pixels[5, 5]
    assert paper > 0.95 if scheme == "light" else paper < 0.15
    inked = (abs(pixels - paper) > 0.4).mean()
    assert 0.01 < inked < 0.3, "text and figures stand out from the paper"


def unprotected(path: Path) -> str:
    """The page without the policy that lets no script run and no picture be fetched."""
    return re.sub("<meta http-equiv=[^>]*>", "", path.read_text())


def unfolded(shown: str) -> str:
    """The page with everything in it opened."""
    return re.sub("<details(?! open)", "<details open", shown)


def faults(path: Path, folder: Path, *arguments: str) -> dict[str, list[str]]:
    """What axe-core finds, all of the page unfolded: rule → the elements that break it."""
    assert AXE is not None
    assert AXE.origin is not None
    script = Path(AXE.origin).with_name("axe.min.js").read_text().replace("</script", "<\\/script")
    run = (
        'onload = () => axe.run(document, {resultTypes: ["violations"]}).then((found) => {'
        'const said = document.createElement("pre"); said.id = "said";'
        "said.textContent = JSON.stringify(found.violations.map((fault) => "
        "[fault.id, fault.nodes.map((node) => node.html)])); document.body.append(said)})"
    )
    tested = folder / "tested.html"
    scripts = f"<script>{script}</script><script>{run}</script></body>"
    tested.write_text(unfolded(unprotected(path)).replace("</body>", scripts))
    shown = browse(
        *(folder / "profile", *arguments, "--virtual-time-budget=60000", "--dump-dom"),
        tested.as_uri(),
    )
    said = shown.rsplit('<pre id="said">', 1)[1].split("</pre>", 1)[0]
    return dict(json.loads(html.unescape(said)))


def pages_printed(shown: str, folder: Path) -> int:
    """How many pages of paper a page takes."""
    page, paper = folder / "page.html", folder / "paper.pdf"
    page.write_text(shown)
    browse(folder / "profile", "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def test_paper_shows_what_is_folded_on_a_screen(report: Path, tmp_path: Path) -> None:
    shown = report.read_text()
    printed = pages_printed(shown, tmp_path)
    assert printed == pages_printed(unfolded(shown), tmp_path)
    assert printed > pages_printed(shown.replace("::details-content", "::none"), tmp_path)


@pytest.mark.skipif(AXE is None, reason="needs axe-core-python")
@pytest.mark.parametrize(("width", "scheme"), [(1280, 1), (390, 0)])
def test_axe_finds_no_fault(any_page: Path, tmp_path: Path, width: int, scheme: int) -> None:
    setting = f"--blink-settings=preferredColorScheme={scheme}"
    assert faults(any_page, tmp_path, f"--window-size={width},900", setting) == {}


@pytest.mark.skipif(AXE is None, reason="needs axe-core-python")
def test_axe_would_find_one(compared: Path, tmp_path: Path) -> None:
    guilty = tmp_path / "guilty.html"
    pale = '<p style="color: #eee">pale</p></main>'
    guilty.write_text(compared.read_text().replace("</main>", pale))
    assert set(faults(guilty, tmp_path)) == {"color-contrast"}


def on_a_phone(path: Path, folder: Path) -> dict:
    """What a script measures outside of a 390 px frame with the page."""
    frame = folder / "frame.html"
    source = path.read_text().replace("&", "&amp;").replace('"', "&quot;")
    frame.write_text(
        f'<iframe style="width:390px;height:844px" srcdoc="{source}"></iframe><p id="seen"></p>'
        "<script>onload = () => { const page = frames[0].document;"
        "const edges = (what) => [...page.querySelectorAll(what)].map("
        "  (element) => element.getBoundingClientRect()).filter((box) => box.width);"
        "const tables = [...page.querySelectorAll('.scroll')].filter((table) => table.clientWidth);"
        "setTimeout(() => {"
        'document.getElementById("seen").textContent = JSON.stringify({'
        "  page: page.documentElement.scrollWidth,"
        "  figures: edges('figure svg').map((box) => Math.round(box.right)),"
        "  scrolling: tables.map((table) => table.scrollWidth > table.clientWidth),"
        "  saying: tables.map((table) => table.firstElementChild.clientHeight > 9)})"
        "}, 1000)}</script>"
    )
    shown = browse(folder / "profile", "--virtual-time-budget=5000", "--dump-dom", frame.as_uri())
    return json.loads(shown.rsplit('<p id="seen">', 1)[1].split("</p>", 1)[0])


def test_a_phone_scrolls_tables_that_say_so(any_page: Path, tmp_path: Path) -> None:
    seen = on_a_phone(any_page, tmp_path)
    assert seen["page"] <= 390
    assert True in seen["scrolling"]
    assert seen["saying"] == seen["scrolling"]


def test_a_phone_shows_whole_figures(any_page: Path, tmp_path: Path) -> None:
    seen = on_a_phone(any_page, tmp_path)
    assert len(seen["figures"]) >= (0 if any_page.stem == "compare" else 4)
    assert max(seen["figures"], default=0) <= 390


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


@contextmanager
def driven(path: Path, profile: Path) -> Iterator[Callable[..., dict]]:
    """A browser with the page; calls a method of the DevTools protocol."""
    assert BROWSER is not None
    told = profile / "DevToolsActivePort"
    options = [f"--user-data-dir={profile}", "--remote-debugging-port=0"]
    process = subprocess.Popen(
        [BROWSER, *FLAGS, *options, "--remote-allow-origins=*", path.as_uri()],
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: told.exists() and "\n" in told.read_text())
        port = told.read_text().split("\n")[0]
        with urlopen(f"http://127.0.0.1:{port}/json/list") as listed:
            [tab] = [one for one in json.load(listed) if one["type"] == "page"]
        numbers = count()
        with closing(create_connection(tab["webSocketDebuggerUrl"], timeout=60)) as socket:

            def call(method: str, **parameters: object) -> dict:
                number = next(numbers)
                socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
                while (said := json.loads(socket.recv())).get("id") != number:
                    pass
                return said["result"]

            yield call
    finally:
        process.terminate()
        process.wait()


def test_keys_reach_and_unfold_what_is_folded(report: Path, tmp_path: Path) -> None:
    with driven(report, tmp_path / "profile") as call:

        def press(key: str, code: int, **sent: str) -> None:
            pressed = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            call("Input.dispatchKeyEvent", type="keyDown", **pressed, **sent)
            call("Input.dispatchKeyEvent", type="keyUp", **pressed)

        def holds(condition: str) -> bool:
            return call("Runtime.evaluate", expression=condition)["result"].get("value") is True

        wait_for(
            lambda: holds('location.protocol === "file:" && document.readyState === "complete"')
        )
        focused = "document.activeElement"
        for _ in range(200):
            press("Tab", 9)
            if holds(f'{focused}.matches("details:not([open]) > summary")'):
                break
        assert holds(f'{focused}.matches(":focus-visible")')
        press("Enter", 13, text="\r")
        assert holds(f"{focused}.parentElement.open")
