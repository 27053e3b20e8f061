"""The site that `make docs` builds: it is whole, fetches nothing, and can be read."""

import os
import pathlib
import re
import zlib

import pytest
from pages import CHROMIUM
from pages import needs_chromium
from playwright.sync_api import sync_playwright
from test_public_names import NAMES

PHONE, DESKTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 900}


@pytest.fixture(scope="module")
def site():
    if "SITE" not in os.environ:
        pytest.skip("`make test-docs` builds the site and tests it")
    return pathlib.Path(os.environ["SITE"]).resolve()


def test_the_site_has_every_public_name(site):
    inventory = (site / "objects.inv").read_bytes()
    header_end = [match.end() for match in re.finditer(rb"\n", inventory)][3]
    lines = zlib.decompress(inventory[header_end:]).decode().splitlines()
    named = {line.split(" ")[0].rpartition(".")[2] for line in lines}
    subpackages = {package.partition(".")[2] for package, _ in NAMES}
    assert {name for _, name in NAMES} - subpackages <= named


def test_the_site_fetches_nothing(site):
    fetched = re.compile(r"<(?:script|img|link)[^>]+(?:src|href)=.?https?://[^>]+>")
    for page in site.rglob("*.html"):
        found = fetched.findall(page.read_text())
        assert not [tag for tag in found if "canonical" not in tag], page
    assert (site / "search" / "search_index.json").stat().st_size > 100_000


@pytest.fixture
def browser():
    with sync_playwright() as engine:
        found = engine.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        found.close()


@needs_chromium
def test_pages_can_be_read_on_a_phone_without_a_network(site, browser):
    tab = browser.new_context(viewport=PHONE, offline=True).new_page()
    told = []
    tab.on("console", lambda message: told.append(message.text))
    for page in sorted(site.rglob("*.html")):
        if page.name == "404.html":
            continue
        tab.goto(page.as_uri())
        assert not tab.evaluate("document.documentElement.scrollWidth > innerWidth")
        lost = "[...document.images].filter(i => !i.naturalWidth).map(i => i.src)"
        assert not tab.evaluate(lost)
        assert not told, page


@needs_chromium
def test_search_finds_without_a_network(site, browser):
    tab = browser.new_context(viewport=DESKTOP, offline=True).new_page()
    tab.goto((site / "index.html").as_uri())
    tab.fill("input[name=query]", "multi_label")
    tab.wait_for_selector(".md-search-result__item")
    assert "Several labels" in tab.inner_text(".md-search-result__list")
