"""What a page does in Chromium, and what its script does in Node."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import pytest

needs_chromium = pytest.mark.skipif(
    not shutil.which("chromium"), reason="Chromium is not installed"
)
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
    tried = folder / "tried.html"
    tried.write_text(
        page.read_text(encoding="utf-8")
        + f"""<script>(async () => {{
          const pause = () => new Promise(done => setTimeout(done, 50));
          for (let i = 0; i < 100 && !document.body.dataset.ready; i++) await pause();
          const run = async () => {{{steps}}};
          const result = await run().catch(error => String(error));
          document.body.dataset.result = JSON.stringify(result);
        }})();</script>""",
        encoding="utf-8",
    )
    command = [
        *("chromium", "--headless", "--no-sandbox", "--disable-gpu"),
        *("--disable-dev-shm-usage", "--window-size=1000,1400"),
        *(f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=20000"),
        *(f"--screenshot={folder / 'page.png'}", "--dump-dom", tried.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    (body,) = [a for tag, a in Page(done.stdout).elements if tag == "body"]
    return json.loads(body["data-result"])
