"""What a page does in Chromium, and what its script does in Node."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest
from playwright.sync_api import sync_playwright

# As Debian, Ubuntu and Google call it.
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed")
needs_node = pytest.mark.skipif(
    not shutil.which("node"), reason="Node is not installed"
)


class Page(HTMLParser):
    """The elements of a page, and the JSON embedded in it."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.feed(text)
        pattern = r'<script type="application/json" id="data">(.*?)</script>'
        self.data = json.loads(re.search(pattern, text, re.DOTALL)[1])
        self.script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def addresses(self):
        """Returns everything that the page would fetch."""
        found = [
            attributes[name]
            for _, attributes in self.elements
            for name in ("src", "href")
            if name in attributes
        ]
        return [address for address in found if not address.startswith("data:")]


def run_in_node(text, steps):
    """Returns the value of JavaScript that may use the functions of a page."""
    program = (
        f"{Page(text).script}\nconsole.log(JSON.stringify((() => {{{steps}}})()));"
    )
    command = ["node", "-e", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def run_in_chromium(page, steps, folder):
    """Returns the value of JavaScript that uses a page as its reader would.

    Args:
        page: Path of the page.
        steps: String, the body of an asynchronous function.
        folder: Path for the profile and the screenshot, `folder / "page.png"`.
    """
    with sync_playwright() as engine:
        browser = engine.chromium.launch_persistent_context(
            folder / "profile",
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
            viewport={"width": 1000, "height": 1400},
        )
        tab = browser.new_page()
        tab.goto(page.as_uri())
        # A report says when its pictures are drawn; a study shows its first question.
        tab.wait_for_selector("body[data-ready], #question, #thanks", state="attached")
        result = tab.evaluate(f"async () => {{{steps}}}")
        tab.screenshot(path=folder / "page.png")
        browser.close()
    return result
