"""The documentation as a site: nothing leads nowhere or to another place's files, and a reader without a network can search it."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from browsers import browsing, needs_browser

ROOT = Path(__file__).parents[2]
BUILD_S = 300
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href"}
"""Element → attribute that names what a browser loads by itself."""

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """What a page loads, and where it leads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.leads: list[str] = []
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if (
            tag in LOADING
            and found.get("rel") not in ("canonical", "prev", "next")
            and found.get(LOADING[tag])
        ):
            self.loads.append(found[LOADING[tag]] or "")
        if tag == "a" and found.get("href"):
            self.leads.append(found["href"] or "")


@pytest.fixture(scope="module")
def html(tmp_path_factory) -> Path:
    """Return the folder of the site, built from these sources."""
    place = tmp_path_factory.mktemp("site")
    command = [sys.executable, str(ROOT / "tools" / "make-site"), str(place)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return place / "html"


def test_no_page_loads_anything_from_another_place(html: Path) -> None:
    loaded = {each for page in html.rglob("*.html") for each in Page(page).loads}

    assert [each for each in loaded if re.match(r"(https?:)?//", each)] == []


def test_every_link_inside_the_site_leads_to_a_page(html: Path) -> None:
    missing = [
        f"{page.relative_to(html)}: {target}"
        for page in html.rglob("*.html")
        if page.name != "404.html"
        for target in Page(page).leads
        if not re.match(r"[a-z]+:|//|#", target)
        and not (page.parent / unquote(target.partition("#")[0].partition("?")[0])).exists()
    ]

    assert missing == []


def test_every_public_name_has_its_reference(html: Path) -> None:
    import econsim

    text = "".join(page.read_text() for page in (html / "api").glob("*.html"))

    assert [name for name in econsim.__all__ if f'id="econsim.{name}"' not in text] == []


@needs_browser
def test_the_site_can_be_searched_from_a_folder_without_a_network(html: Path) -> None:
    if not (html / "assets" / "javascripts" / "iframe-worker.js").exists():
        pytest.skip("without npm, tools/fetch brings no script to search with from a folder")
    with browsing() as browser:
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((html / "index.html").as_uri())
        page.keyboard.press("/")
        page.keyboard.type("reservation")
        page.get_by_text("A tick's reservations come before its matching").first.wait_for()

    assert [url for url in asked if url.startswith("http")] == []
