"""The pages build as a site: strictly, without the network, and as their writers meant them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort
from playwright.sync_api import sync_playwright
from pytest_socket import disable_socket, enable_socket

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: A page with long lines of code, one with wide tables, one with both, one with a picture, and the way in.
SHOWN = ("index.html", "add-a-dialer.html", "data-dictionary.html", "operations.html", "pages.html")


def built(to: Path, **settings: Any) -> Path:
    """The site in a folder. Abort: something that mkdocs.yml calls wrong; SocketBlockedError: it asked the network."""
    disable_socket()
    try:
        build(load_config(str(ROOT / "mkdocs.yml"), site_dir=str(to), **settings))
    finally:
        enable_socket()
    return to


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("site"))


class Parsed(HTMLParser):
    """What a page of the site links to, what can be linked to in it, and the text of its paragraphs."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[tuple[str, str]] = []
        self.ids: set[str] = set()
        self.paragraphs: list[str] = []
        self._within = False
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = dict(attributes)
        self.links += [(tag, value) for name in ("href", "src") if (value := said.get(name))]
        self.ids |= {value for name in ("id", "name") if (value := said.get(name))}
        if tag == "p":
            self._within = True
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        self._within = self._within and tag != "p"

    def handle_data(self, data: str) -> None:
        if self._within:
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Parsed]:
    return {page: Parsed(page) for page in site.rglob("*.html")}


def test_every_page_of_docs_is_a_page_of_the_site(pages: dict[Path, Parsed], site: Path) -> None:
    home = pages[site / "index.html"]
    in_the_menu = {unquote(link) for tag, link in home.links if tag == "a"}
    written = {path.relative_to(DOCS).with_suffix(".html").as_posix() for path in DOCS.rglob("*.md")}
    assert {page.replace("README.html", "index.html") for page in written} - in_the_menu - {"index.html"} == set()


def test_every_link_and_picture_leads_somewhere(pages: dict[Path, Parsed]) -> None:
    """Of the built pages, so that what is written as HTML is seen to as well."""
    broken = []
    for page, parsed in pages.items():
        for _, link in parsed.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or page.name == "404.html":
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            fragment = unquote(parts.fragment)
            known = not fragment or target not in pages or fragment in pages[target].ids or fragment.startswith("__")
            if not target.exists() or not known:
                broken.append(f"{page.name}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_another_host(pages: dict[Path, Parsed]) -> None:
    loads = {"script", "link", "img", "iframe"}
    far = {link for parsed in pages.values() for tag, link in parsed.links if tag in loads and urlsplit(link).netloc}
    assert far == set()


def test_lists_tables_and_blocks_are_such_on_the_site_too(pages: dict[Path, Parsed]) -> None:
    """A forge forgives what the site's Markdown does not, such as a list that follows its sentence without a blank."""
    left = [
        f"{page.name}: {line[:60]}"
        for page, parsed in pages.items()
        for text in parsed.paragraphs
        for line in text.splitlines()
        if line.startswith(("* ", "- ", "| ", "```", "1. "))
    ]
    assert left == []


def test_blocks_within_a_numbered_list_are_indented_by_four() -> None:
    """By three, as the forge allows, the site ends the list there and counts anew."""
    indented = re.compile(r"^ {1,3}```", re.MULTILINE)
    short = [path.name for path in DOCS.rglob("*.md") if indented.search(path.read_text("utf-8"))]
    assert short == []


@pytest.mark.parametrize(
    ("pages_written", "nav"),
    [
        ({"index.md": "# A\n\n[no such page](b.md)\n"}, ["index.md"]),
        ({"index.md": "# A\n\n[no such part](#b)\n"}, ["index.md"]),
        ({"index.md": "# A\n", "b.md": "# B\n"}, ["index.md"]),
        ({"index.md": "# A\n"}, ["index.md", "b.md"]),
    ],
    ids=["page", "anchor", "outside the navigation", "navigation to nowhere"],
)
def test_what_is_broken_ends_the_build(tmp_path: Path, pages_written: dict[str, str], nav: list[str]) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "site.css").touch()
    for name, text in pages_written.items():
        (docs / name).write_text(text, encoding="utf-8")
    with pytest.raises(Abort, match="strict mode"):
        built(tmp_path / "site", docs_dir=str(docs), nav=nav)


@pytest.fixture(scope="module")
def tab(site: Path) -> Iterator[Any]:
    """A tab of the system's Chromium, as in the tests of the pages; it must not ask another host."""
    found = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "chromium.py")], capture_output=True, text=True, check=False
    )
    if found.returncode:
        pytest.fail(found.stderr)
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]
        browser = playwright.chromium.launch(executable_path=found.stdout.strip(), args=options)
        yield browser.new_page()
        browser.close()


def test_no_page_is_wider_than_its_screen(tab: Any, site: Path) -> None:
    """Tables and code scroll in their own frames."""
    wide = []
    for width in (1280, 390):
        tab.set_viewport_size({"width": width, "height": 900})
        for name in SHOWN:
            tab.goto((site / name).as_uri())
            if tab.evaluate("document.documentElement.scrollWidth") > width:
                wide.append((name, width))
            outside = (
                "[...document.querySelectorAll('article h1, article h2, article p, article img')]"
                ".filter(e => e.getBoundingClientRect().right > innerWidth + 1).length"
            )
            if tab.evaluate(outside):
                wide.append((name, width))
    assert wide == []
