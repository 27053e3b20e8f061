"""The page that explains in the browser: what it holds, and does in Chromium."""

import base64
import gzip
import io
import re

import numpy as np
import pytest
from pages import Page
from pages import needs_chromium
from PIL import Image
from playwright.sync_api import expect
from reader import FOUND
from reader import drop
from reader import explained
from reader import launched
from reader import picture
from reader import png
from reader import wait_until

from keras_explainer.browser.browser_page import browser_page
from keras_explainer.verified_scores import both_parts

pytestmark = pytest.mark.slow  # a training, a conversion, a browser

KEPT = "Array.from(shown.proof.kept)"
NAMES = ["red", "</script><b>green", "blue"]


@pytest.fixture(scope="module")
def explainer(trained_explainer):
    explainer = trained_explainer()
    explainer.class_names = NAMES
    return explainer


@pytest.fixture(scope="module")
def page(explainer, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "page.html"
    samples = [(f"sample {seed}", picture(seed)) for seed in (1, 2)]
    path.write_text(browser_page(explainer, "<patches>", samples, top_k=2), "utf-8")
    return path


@pytest.fixture(scope="module")
def chromium():
    with launched() as browser:
        yield browser


@pytest.fixture
def tab(chromium, page):
    """The page, opened without a network; all that goes wrong in it fails the test."""
    context = chromium.new_context(
        offline=True, viewport={"width": 1000, "height": 900}
    )
    tab, said, asked = context.new_page(), [], []
    tab.on("console", lambda message: said.append(message.text))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url.partition(":")[0]))
    tab.goto(page.as_uri())
    expect(tab.get_by_role("status")).to_have_text("Ready for a photograph.")
    yield tab
    context.close()
    assert said == []
    assert set(asked) <= {"file", "data", "blob"} and asked.count("file") == 1


def test_page_holds_everything(page):
    text = page.read_text("utf-8")
    read = Page(text)
    assert read.addresses() == []
    assert read.data["classNames"] == NAMES and read.data["inputSize"] == [32, 32]
    assert "<h1>" in text and "&lt;patches&gt;: 3 classes, seen at 32 × 32" in text
    policy = re.search(r'Policy" content="(.*?)"', text)[1]
    assert policy.startswith("default-src 'none'; ")
    assert "http" not in policy and "connect-src" not in policy
    model = re.search(r'id="model">(.*?)</script>', text)[1]
    assert gzip.decompress(base64.b64decode(model))[4:8] == b"TFL3"
    assert len(re.findall(r'class="sample"', text)) == 2
    assert "{{" not in text.replace("${{", "")


@needs_chromium
def test_a_dropped_picture_is_explained_as_by_explain(tab, explainer):
    image = picture(5)
    drop(tab, "patch.png", png(image))
    expect(tab.get_by_role("status")).to_contain_text("patch.png: ")
    found = tab.evaluate(FOUND)
    expected = explained(explainer, image, top_k=2, verify=True)
    assert found["classes"] == expected.classes[0].tolist()
    masks = np.reshape(found["masks"], (2, 32, 32)).transpose(1, 2, 0)
    assert expected.masks[0, ..., 0].max() > 0.9
    np.testing.assert_allclose(masks, expected.masks[0], atol=0.01)
    np.testing.assert_allclose(found["scores"], expected.scores[0], atol=0.01)
    proof = [found["kept"], found["removed"]]
    scores = [expected.kept_scores[0, 0], expected.removed_scores[0, 0]]
    np.testing.assert_allclose(proof, scores, atol=0.01)
    assert proof[0] > 0.8 > 0.5 > proof[1]
    kept = tab.locator("#kept-share").inner_text()
    assert kept == f"{round(100 * proof[0])} %"
    assert re.fullmatch(
        r"Masks of .* in \d+ ms, both parts in \d+ ms\.", tab.inner_text("#times")
    )


@needs_chromium
def test_another_class_than_the_likeliest(tab, explainer):
    image = picture(6)
    drop(tab, "patch.png", png(image))
    expect(tab.get_by_role("status")).to_contain_text("patch.png: ")
    expected = explained(explainer, image, top_k=3, verify=True)
    target = int(expected.classes[0, 2])
    expect(tab.get_by_role("radio")).to_have_count(2)
    tab.get_by_label("Mask of another class").select_option(NAMES[target])
    expect(tab.get_by_role("status")).to_contain_text(f"patch.png: {NAMES[target]}, ")
    expect(tab.get_by_role("radio")).to_have_count(3)
    found = tab.evaluate(FOUND)
    assert found["classes"][2] == target
    mask = np.reshape(found["masks"][2], (32, 32))
    np.testing.assert_allclose(mask, expected.masks[0, ..., 2], atol=0.01)
    np.testing.assert_allclose(found["scores"][2], expected.scores[0, 2], atol=0.01)
    np.testing.assert_allclose(found["kept"], expected.kept_scores[0, 2], atol=0.01)


@needs_chromium
def test_by_keyboard_alone(tab, explainer):
    def move_to(role, name):
        for _ in range(20):
            tab.keyboard.press("Tab")
            if tab.get_by_role(role, name=name).evaluate_all(
                "found => found.includes(document.activeElement)"
            ):
                return
        raise AssertionError(f"no {role} {name} in the order of Tab")

    status = tab.get_by_role("status")
    expected = explained(explainer, picture(2), top_k=2, verify=True)
    first, second = (NAMES[index] for index in expected.classes[0])
    move_to("button", "Try sample 2")
    tab.keyboard.press("Enter")
    expect(status).to_contain_text(f"sample 2: {first}, ")
    move_to("slider", "Threshold")
    tab.keyboard.press("ArrowRight")
    assert tab.locator("#level").inner_text() == "0.51"
    tab.keyboard.press("End")
    soft = tab.evaluate(KEPT)
    move_to("checkbox", "Cut both parts")
    tab.keyboard.press("Space")
    wait_until(tab, "shown.isCut")
    found, kept = tab.evaluate(FOUND), tab.evaluate(KEPT)
    mask = np.float32(np.reshape(found["masks"][0], (1, 32, 32)) >= 0.99)
    # The sample is embedded as a JPEG, so the classifier is asked about that.
    uri = tab.get_by_alt_text("Try sample 2").get_attribute("src")
    sample = Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))
    pixels = np.float32(sample.resize((32, 32), Image.Resampling.BILINEAR))[None]
    parts = both_parts(explainer, explainer.preprocessing(pixels), mask)
    shown = np.ravel(explainer.preprocessing.restore(parts[0]))
    np.testing.assert_allclose(kept, shown, atol=0.1)
    assert np.abs(np.subtract(soft, shown)).max() > 2
    target = found["classes"][0]
    for name, part in zip(("kept", "removed"), parts):
        scores = explainer.frozen.probabilities(explainer.frozen.logits(part))
        assert abs(found[name] - float(scores[0, target])) < 0.01
    move_to("radio", first)
    tab.keyboard.press("ArrowDown")
    expect(status).to_contain_text(f"sample 2: {second}, ")


@needs_chromium
def test_a_screen_reader_is_told_what_is_there(tab):
    drop(tab, "patch.png", png(picture(5)))
    status = tab.get_by_role("status")
    expect(status).to_contain_text(
        re.compile(
            r"^patch\.png: .+, \d+.%\. Its mask covers \d+.% of the picture; from that "
            r"alone the classifier gives it \d+.%, without that \d+.%\.$"
        )
    )
    chosen = NAMES[tab.evaluate("shown.entries[0].index")]
    for role, name in [
        ("heading", "Which pixels made the classifier say that?"),
        ("button", "Camera"),
        ("group", "The classifier says"),
        ("radio", chosen),
        ("combobox", "Mask of another class"),
        ("slider", "Threshold"),
        ("checkbox", "Cut both parts there"),
        ("img", f"patch.png with the mask of {chosen}"),
        ("img", "kept of patch.png"),
        ("img", "left of patch.png"),
    ]:
        assert tab.get_by_role(role, name=name).count() == 1, (role, name)
    unnamed = """() => [...document.querySelectorAll("input, button, select, canvas")]
      .filter(e => !e.hidden && !(e.labels?.length || e.textContent.trim() ||
        e.getAttribute("aria-label") || e.querySelector("img[alt]")))
      .map(e => e.outerHTML)"""
    assert tab.evaluate(unnamed) == []


@needs_chromium
def test_what_is_no_picture_is_named_and_does_no_harm(tab):
    drop(tab, "note.txt", b"no picture")
    expect(tab.get_by_role("alert")).to_have_text(
        "note.txt should be a picture that this browser opens, such as JPEG or PNG."
    )
    drop(tab, "patch.png", png(picture(5)))
    expect(tab.get_by_role("status")).to_contain_text("patch.png: ")
    expect(tab.get_by_role("alert")).to_have_text("")
    tab.locator("#file").set_input_files(
        {"name": "chosen.png", "mimeType": "image/png", "buffer": png(picture(6))}
    )
    expect(tab.get_by_role("status")).to_contain_text("chosen.png: ")


@needs_chromium
def test_the_camera_takes_a_picture(tab):
    tab.get_by_role("button", name="Camera").click()
    wait_until(tab, "byId('video').videoWidth > 0")
    tab.get_by_role("button", name="Take the picture").click()
    expect(tab.get_by_role("status")).to_contain_text("the camera's picture: ")
    assert not tab.evaluate("byId('viewfinder').open || byId('video').srcObject")
    assert tab.evaluate("shown.bitmap.width") == 640


@needs_chromium
def test_it_fits_on_a_telephone(tab):
    tab.set_viewport_size({"width": 390, "height": 844})
    drop(tab, "patch.png", png(picture(5)))
    expect(tab.get_by_role("status")).to_contain_text("patch.png: ")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
