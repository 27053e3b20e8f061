"""The pages of docs: code is run, links lead somewhere, lists are those of the code."""

import os
import pathlib
import re
import sys
from unittest import mock

import numpy as np
import pytest
from markdown_code import blocks
from markdown_code import check_command
from markdown_code import check_mentioned
from markdown_code import commands
from markdown_code import first_line
from markdown_code import mentioned
from markdown_code import prose
from PIL import Image
from stand_ins import STAND_INS
from stand_ins import usual_names
from stand_ins import write_photograph
from test_public_names import NAMES

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))

import photograph_figures  # noqa: E402
import site_hooks  # noqa: E402

# The notebooks are run by their own tests; the log tells of commands of its time.
PAGES = {
    path.relative_to(DOCS).as_posix(): path.read_text()
    for path in sorted(DOCS.rglob("*.md"))
}
WITH_CODE = {
    name: text
    for name, text in PAGES.items()
    if not name.startswith("notebooks/") and name != "results/decisions.md"
}
LINK = re.compile(r"\]\(([^)\s]+?)\)(?!\))")
# A page of the index of the website has what the README has.
OF_README = "import keras, keras_explainer as kx"


def python_of(name):
    found = [code for language, code in blocks(WITH_CODE[name]) if language == "python"]
    return [code for code in found if first_line(code) != OF_README]


@pytest.fixture
def environment():
    """The environment, which is afterwards what it was."""
    with mock.patch.dict(os.environ):
        yield


@pytest.mark.slow  # trainings, and an export
@pytest.mark.parametrize("name", [name for name in WITH_CODE if python_of(name)])
def test_python_of_a_page(name, monkeypatch, tmp_path, environment):
    monkeypatch.chdir(tmp_path)
    write_photograph(tmp_path / "photo.jpg")
    names = usual_names()
    for code in python_of(name):
        special = STAND_INS.get(first_line(code))
        if special is None:
            exec(compile(code, name, "exec"), names)
            continue
        with special(monkeypatch) as given:
            exec(compile(code, name, "exec"), given)


def of_pages(take):
    return [(name, given) for name, text in WITH_CODE.items() for given in take(text)]


@pytest.mark.parametrize(("name", "command"), of_pages(commands))
def test_command(name, command, monkeypatch):
    check_command(command, monkeypatch)


@pytest.mark.parametrize(("name", "command"), of_pages(mentioned))
def test_mentioned_command(name, command, monkeypatch, capsys):
    check_mentioned(command, monkeypatch, capsys)


# === Links ===


def anchors(text):
    """Returns the anchors of the headings of a page."""
    titles = re.findall(r"^#+ (.+)$", prose(text), re.MULTILINE)
    titles = [re.sub(r"[^\w\- ]", "", title).strip().lower() for title in titles]
    return {re.sub(r"\s+", "-", title) for title in titles}


def lost_links(path):
    """Returns the links of a file that lead to no file or no heading."""
    lost = []
    for link in LINK.findall(prose(path.read_text())):
        place, _, anchor = link.partition("#")
        target = (path.parent / place).resolve() if place else path
        if place.startswith(site_hooks.REPOSITORY):
            target = ROOT / place.removeprefix(site_hooks.REPOSITORY).strip("/")
        elif "://" in place:
            continue
        elif target.suffix == ".ipynb":
            target = target.with_suffix(".md")
        if not target.exists():
            lost.append(link)
        elif anchor and target.suffix == ".md":
            if anchor not in anchors(target.read_text()):
                lost.append(link)
    return lost


LINKING = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")),
    *ROOT.glob("benchmarks/*.md"),
    *ROOT.glob("saved_models/*.md"),
    *ROOT.glob("examples/*/*.md"),
    *(DOCS / name for name in PAGES),
]


@pytest.mark.parametrize("path", LINKING, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path):
    assert not lost_links(path)


def test_a_lost_link_is_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# A title, here\n[a](page.md#a-title-here) [b](#other) [c](no.md)")
    assert lost_links(page) == ["#other", "no.md"]


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "mkdocs.yml").read_text().partition("\nnav:\n")[2]
    assert set(PAGES) == set(re.findall(r"[\w/]+\.md", navigation))


# === What is taken from the code ===


def test_every_package_has_its_page():
    pages = {path.stem for path in (DOCS / "api").glob("*.md")} - {"index"}
    packages = {package.partition(".")[2] for package, _ in NAMES} - {""}
    assert pages == packages
    for package in packages:
        page = PAGES[f"api/{package}.md"]
        assert f"<!-- public names of {package} -->" in page
        assert set(site_hooks.public_names(package)) == {
            name for place, name in NAMES if place == f"keras_explainer.{package}"
        }


def test_error_sentences_are_collected():
    sentences = {s for found in site_hooks.error_sentences().values() for s in found}
    assert "Argument `verify` of `explain` should be True for a verdict." in sentences
    assert len(sentences) > 200
    page = PAGES["troubleshooting.md"]
    assert site_hooks.ERRORS in page
    assert "Argument `verify`" in site_hooks.on_page_markdown(page)


def test_what_is_said_of_an_error_is_of_one_that_there_is():
    """A heading is how a sentence begins: a page of sentences that changed is stale."""
    sentences = [s for found in site_hooks.error_sentences().values() for s in found]
    titles = re.findall(r"^### (.+?)\s*$", PAGES["troubleshooting.md"], re.MULTILINE)
    assert len(titles) > 10
    stale = [t for t in titles if not any(s.startswith(t) for s in sentences)]
    assert not stale


@pytest.mark.thorough  # the explainer of a thousand classes
def test_the_figure_of_photographs_is_what_the_code_draws(monkeypatch, tmp_path):
    monkeypatch.setattr(photograph_figures, "FIGURES", tmp_path)
    photograph_figures.draw_photographs()
    drawn, shown = (
        np.asarray(Image.open(folder / "photographs.jpg"), "float32")
        for folder in (tmp_path, DOCS / "figures")
    )
    assert drawn.shape == shown.shape
    assert np.abs(drawn - shown).mean() < 1.5
