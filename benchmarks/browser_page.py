"""Measures the page that `keras-explainer page` writes: agreement, and time.

    python benchmarks/browser_page.py
    python benchmarks/browser_page.py runs/pets --images 'pets/*.jpg'

Has photographs explained by the page in headless Chromium, without a network, and
compares what it finds with `explain(verify=True)` on the same files. The first one is
explained once more before, since the runtime prepares itself at the first call; times
are the least of five. Needs Chromium and `playwright`.
"""

import argparse
import base64
import pathlib
import shutil
import tempfile
import time

import numpy as np
from playwright.sync_api import sync_playwright

from keras_explainer.browser.browser_page import browser_page
from keras_explainer.loading.load_explainer import load_explainer
from keras_explainer.loading.pictures import explainer_input
from keras_explainer.loading.pictures import find_pictures
from keras_explainer.loading.pictures import read_pictures

PHOTOGRAPHS = pathlib.Path(__file__).parents[1] / "keras_explainer" / "photographs"
TOP_K, REPEATS = 5, 5
EXPLAIN = """async ([name, content]) => {
  const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
  const begin = performance.now();
  await explain(new Blob([bytes]), name);
  return {
    masks: shown.entries.map(entry => Array.from(entry.mask)),
    scores: shown.entries.map(entry => entry.probability),
    proof: [shown.proof.kept_scores[0], shown.proof.removed_scores[0]],
    times: [shown.times.explain, shown.times.verify, performance.now() - begin],
  };
}"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("explainer", nargs="?", default="imagenet")
    parser.add_argument("--images", nargs="+", default=[str(PHOTOGRAPHS / "*.jpg")])
    arguments = parser.parse_args()

    explainer = load_explainer(arguments.explainer)
    pictures = read_pictures(find_pictures(arguments.images))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as engine:
        page = pathlib.Path(folder) / "page.html"
        page.write_text(browser_page(explainer, "measured", top_k=TOP_K), "utf-8")
        print(f"{page.stat().st_size / 1e6:.1f} MB", end="; ")
        chromium = engine.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        tab = chromium.new_context(offline=True).new_page()
        begin = time.perf_counter()
        tab.goto(page.as_uri())
        tab.wait_for_selector("body[data-state=ready]")
        print(f"ready after {time.perf_counter() - begin:.1f} s")
        first = found_by(tab, pictures[0][0], 1)["times"][-1]
        print(f"the first photograph took {first:.0f} ms")
        print(f"{'':27}largest difference    milliseconds")
        print(f"{'photograph':27}masks    scores       masks     parts       all")
        for path, picture in pictures:
            found = found_by(tab, path, REPEATS)
            print(f"{path.name:25}  {compared(found, picture, explainer)}")
        chromium.close()


def found_by(tab, path, repeats):
    """Returns what the page finds in a photograph, and the least of its times."""
    content = base64.b64encode(path.read_bytes()).decode()
    found = [tab.evaluate(EXPLAIN, [path.name, content]) for _ in range(repeats)]
    return {**found[-1], "times": np.min([f["times"] for f in found], axis=0)}


def compared(found, picture, explainer):
    """Returns the largest differences from `explain`, and the times."""
    images = explainer_input([picture], explainer)
    expected = explainer.explain(images, top_k=TOP_K, verify=True)
    masks = np.reshape(found["masks"], (-1, *expected.masks.shape[1:3]))
    of_masks = np.abs(masks - expected.masks[0].transpose(2, 0, 1)).max()
    scores = [*found["scores"], *found["proof"]]
    proof = [expected.kept_scores[0, 0], expected.removed_scores[0, 0]]
    of_scores = np.abs(np.subtract(scores, [*expected.scores[0], *proof])).max()
    times = "".join(f"{milliseconds:10.0f}" for milliseconds in found["times"])
    return f"{of_masks:.5f}  {of_scores:.5f}   {times}"


if __name__ == "__main__":
    main()
