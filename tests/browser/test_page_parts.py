"""What the page that explains in the browser is made of, and of what it can be made."""

import gzip
import hashlib
import pathlib
import re

import keras
import numpy as np
import pytest
from conftest import tiny_classifier
from pages import needs_chromium
from pages import needs_node
from pages import run_in_node
from PIL import Image
from playwright.sync_api import expect
from reader import FOUND
from reader import drop
from reader import explained
from reader import launched
from reader import picture
from reader import png
from token_classifiers import transformer

import keras_explainer as kx
from keras_explainer.browser import browser_page as module
from keras_explainer.browser.browser_page import browser_page

FOLDER = pathlib.Path(module.__file__).parent


def test_the_runtime_is_that_of_the_package_named():
    text = (FOLDER / "litert" / "README.md").read_text("utf-8")
    named = dict(re.findall(r"\| `(\S+)` \| \S+ \| `(\w{64})` \|", text))
    assert len(named) == 2
    for name, expected in named.items():
        content = (FOLDER / "litert" / name).read_bytes()
        if name.endswith(".gz"):
            content = gzip.decompress(content)
        assert hashlib.sha256(content).hexdigest() == expected


@needs_node
@pytest.mark.parametrize("size", [(32, 32), (9, 80), (75, 7), (50, 75), (120, 150)])
def test_pictures_are_resized_as_pillow_does(size):
    image = picture(3)
    pixels = np.asarray(image.convert("RGBA")).ravel().tolist()
    inputs = f"{pixels}, {image.width}, {image.height}, {[*size]}"
    script = f"<script>{(FOLDER / 'worker.js').read_text('utf-8')}</script>"
    data = '<script type="application/json" id="data">0</script>'
    found = run_in_node(data + script, f"return Array.from(resized({inputs}))")
    expected = image.resize(size[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(found, np.asarray(expected).ravel())


def test_a_classifier_of_more_than_images_is_refused():
    inputs = keras.Input((32, 32, 3), name="image"), keras.Input((1,), name="age")
    maps = keras.layers.Conv2D(4, 3, 4, activation="relu")(inputs[0])
    pooled = keras.layers.GlobalAveragePooling2D()(maps)
    both = keras.layers.Concatenate()([pooled, inputs[1]])
    outputs = keras.layers.Dense(3, activation="softmax")(both)
    classifier = keras.Model(inputs, outputs)
    explainer = kx.ExplainerModel(classifier, preprocess_input="0..1")
    with pytest.raises(ValueError, match=r"images alone.*Received: .*\['age'\] too"):
        browser_page(explainer, "patients")


def oblong():
    """A classifier of pictures that are wider than they are high."""
    return keras.Sequential(
        [
            keras.Input((24, 40, 3)),
            *(
                keras.layers.Conv2D(6, 3, 2, padding="same", activation="relu")
                for _ in range(2)
            ),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )


# Name: the classifier, its preprocessing.
OTHERS = {
    "oblong": (oblong, "0..1"),
    "grey": (lambda: tiny_classifier(channels=1), "0..1"),
    "one unit": (lambda: tiny_classifier(activation="sigmoid", classes=1), "identity"),
    "blue first": (tiny_classifier, "resnet50"),
    "transformer": (lambda: transformer("class", 1, (32, 32)), "-1..1"),
}


@needs_chromium
@pytest.mark.thorough
@pytest.mark.parametrize("name", OTHERS)
def test_other_classifiers_agree_too(name, tmp_path):
    make, preprocess_input = OTHERS[name]
    explainer = kx.ExplainerModel(make(), preprocess_input=preprocess_input)
    page = tmp_path / "page.html"
    page.write_text(browser_page(explainer, name, top_k=1), "utf-8")
    with launched() as chromium:
        tab = chromium.new_context(offline=True).new_page()
        tab.goto(page.as_uri())
        drop(tab, "patch.png", png(picture(5)))
        expect(tab.get_by_role("status")).to_contain_text("patch.png: ")
        found = tab.evaluate(FOUND)
    expected = explained(explainer, picture(5), top_k=1, verify=True)
    mask = np.reshape(found["masks"][0], explainer.frozen.image_shape[:2])
    assert found["classes"][0] == expected.classes[0, 0]
    np.testing.assert_allclose(mask, expected.masks[0, ..., 0], atol=0.01)
    proof = [expected.kept_scores[0, 0], expected.removed_scores[0, 0]]
    np.testing.assert_allclose([found["kept"], found["removed"]], proof, atol=0.01)
