"""The page that explains in the browser, as its reader uses it."""

import base64
import contextlib
import io

import numpy as np
import trained
from pages import CHROMIUM
from PIL import Image
from playwright.sync_api import expect
from playwright.sync_api import sync_playwright

expect.set_options(timeout=60_000)  # The machine may be busy with other tests.
# A camera of Chromium's own, green with a clock, that asks nobody.
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
DROP = """([name, content]) => {
  const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
  const dropped = new DataTransfer();
  dropped.items.add(new File([bytes], name));
  dispatchEvent(new DragEvent("drop", { dataTransfer: dropped }));
}"""
# What the page found, out of its own variables.
FOUND = """() => ({
  classes: shown.entries.map(entry => entry.index),
  scores: shown.entries.map(entry => entry.probability),
  masks: shown.entries.map(entry => Array.from(entry.mask)),
  kept: shown.proof.kept_scores[0],
  removed: shown.proof.removed_scores[0],
})"""


@contextlib.contextmanager
def launched():
    """Gives Chromium, with its camera."""
    with sync_playwright() as engine:
        args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", *CAMERA]
        browser = engine.chromium.launch(executable_path=CHROMIUM, args=args)
        yield browser
        browser.close()


def picture(seed, size=(75, 50)):
    """A picture of another size than the classifier takes."""
    pixels = (255 * trained.patches(1, seed=seed)[0][0]).round().astype("uint8")
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def drop(tab, name, content):
    tab.evaluate(DROP, [name, base64.b64encode(content).decode()])


def wait_until(tab, expression):
    """Waits for JavaScript to be true; Playwright's own way is against the policy."""
    for _ in range(1200):
        if tab.evaluate(expression):
            return
        tab.wait_for_timeout(50)
    raise AssertionError(f"never {expression}")


def png(image):
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def explained(explainer, image, **options):
    size = explainer.frozen.image_shape[1::-1]
    pixels = np.float32(image.resize(size, Image.Resampling.BILINEAR))
    return explainer.explain(explainer.preprocessing(pixels[None]), **options)
