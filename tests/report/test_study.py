"""A study: blinded pairs, simulated raters of known bias, what comes of them."""

import json

import numpy as np
import pytest
from pages import Page
from pages import needs_chromium
from pages import needs_node
from pages import run_in_chromium
from pages import run_in_node
from PIL import Image

from keras_explainer.__main__ import main
from keras_explainer.report.html_page import picture_uri
from keras_explainer.study.blinded_study import blinded_study
from keras_explainer.study.preference import Preference
from keras_explainer.study.preference import count_preferences
from keras_explainer.study.preference import count_sides

EXPLAINERS = ["ours", "theirs"]
ORANGE, BLUE, GREY = ("orange", "steelblue", "grey")


def drawn(color):
    return picture_uri(np.asarray(Image.new("RGB", (60, 40), color)))


@pytest.fixture
def study():
    """Twelve pairs; the explanations of ours are orange, those of theirs blue."""
    entry = {"picture": drawn(GREY), "class": "<b>cat"}
    entry["explanations"] = [drawn(ORANGE), drawn(BLUE)]
    return blinded_study(EXPLAINERS, [{"name": f"{i}.png", **entry} for i in range(12)])


def simulated(key, rater, bias, sees_left=0.0, ties=0.0):
    """A rater who prefers ours with a probability, or just takes the left."""
    random = np.random.default_rng(rater)
    answers = []
    for i, pair in enumerate(key["pairs"]):
        left = random.choice(["x", "y"])
        liked = EXPLAINERS[random.random() >= bias]
        choice = "x" if pair["x"] == liked else "y"
        choice = left if random.random() < sees_left else choice
        choice = None if random.random() < ties else str(choice)
        answers.append({"pair": i, "left": str(left), "choice": choice})
    return {"study": key["study"], "rater": f"r{rater}", "answers": answers}


def test_pairs_are_blinded_and_balanced(study):
    page, key = study
    read = Page(page)
    assert read.addresses() == [] and "http" not in page
    assert not any(f'"{name}"' in page for name in (*EXPLAINERS, "11.png"))
    assert read.data["study"] == key["study"]
    colors = {drawn(ORANGE): "ours", drawn(BLUE): "theirs"}
    for shown, told in zip(read.data["pairs"], key["pairs"], strict=True):
        assert colors[shown["x"]] == told["x"] and colors[shown["y"]] == told["y"]
    first = [pair["x"] for pair in key["pairs"]]
    assert first.count("ours") == 6 and first != ["ours", "theirs"] * 6


def test_simulated_raters_are_found_out():
    key = {"study": "s", "explainers": EXPLAINERS}
    key["pairs"] = [{"x": "ours", "y": "theirs"}, {"x": "theirs", "y": "ours"}] * 500
    sheets = [
        simulated(key, 0, bias=0.8),
        simulated(key, 1, bias=0.5),
        simulated(key, 2, bias=0.2, ties=0.3),
        simulated(key, 3, bias=0.9, sees_left=1.0),
    ]
    found = count_preferences(key, sheets)
    for rater, bias in (("r0", 0.8), ("r1", 0.5), ("r2", 0.2), ("r3", 0.5)):
        low, high = found[rater].interval
        assert low < bias < high and high - low < 0.08
        assert (found[rater].p_value < 0.01) == (bias != 0.5)
    assert found["r0"].ties == 0 and 250 < found["r2"].ties < 350
    assert count_sides(sheets[3:]) == Preference(1000, 0)
    assert 0.45 < count_sides(sheets[:2]).rate < 0.55


def test_coverage_of_the_interval():
    # Of many studies of a known bias, about 95 % should have it in their interval.
    wins = np.random.default_rng(0).binomial(40, 0.7, size=500)
    inside = [
        low < 0.7 < high for low, high in (Preference(w, 40 - w).interval for w in wins)
    ]
    assert 0.92 < np.mean(inside) < 0.98


@pytest.mark.parametrize(
    "change, message",
    [
        ({"study": "other"}, "should be of the study s. Received: one of other"),
        ({"rater": "r0"}, "each rater once. Received: r0 twice"),
        (
            {"answers": [{"pair": 1, "choice": "x"}]},
            "0 to 0. Received: x to the pair 1",
        ),
        ({"answers": [{"pair": 0, "choice": "z"}]}, "Received: z to the pair 0"),
    ],
)
def test_wrong_answers(change, message):
    key = {"study": "s", "explainers": EXPLAINERS}
    key["pairs"] = [{"x": "ours", "y": "theirs"}]
    sheets = [simulated(key, 0, 1.0), {**simulated(key, 1, 1.0), **change}]
    with pytest.raises(ValueError, match=message):
        count_preferences(key, sheets)


@pytest.fixture
def folder(study, tmp_path):
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.html").write_text(study[0], encoding="utf-8")
    (folder / "key.json").write_text(json.dumps(study[1]))
    return folder


def test_preferences_command(study, folder, tmp_path, capsys):
    files = []
    for rater in range(3):
        files.append(str(tmp_path / f"answers_{rater}.json"))
        sheet = simulated(study[1], rater, bias=1.0 if rater else 0.0)
        (tmp_path / f"answers_{rater}.json").write_text(json.dumps(sheet))
    assert main(["preferences", str(folder), *files]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "How often ours was preferred to theirs"
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in lines]
    rows = {row[0]: row[1:] for row in rows if row}
    assert rows["rater r0"] == ["0", "12", "0", "0.000", "0.000 to 0.242", "0.00049"]
    assert rows["all answers"][:4] == ["24", "12", "0", "0.667"]
    assert rows["raters"] == ["2", "1", "0", "0.667", "0.208 to 0.939", "1"]

    assert main(["preferences", str(folder), files[0], files[0]]) == 2
    assert "Argument ANSWERS should hold each rater once" in capsys.readouterr().err
    assert main(["preferences", str(folder), str(folder / "study.html")]) == 2
    assert "Argument ANSWERS should be files that" in capsys.readouterr().err
    assert main(["preferences", str(tmp_path), files[0]]) == 2
    assert "Argument STUDY should be the folder of a study" in capsys.readouterr().err


@needs_node
def test_sheets_of_the_page(study):
    page, key = study
    sheets = run_in_node(
        page,
        f"""
        const {{ study, pairs }} = {json.dumps(Page(page).data)};
        const orange = {json.dumps(drawn(ORANGE))};
        return Array.from({{ length: 40 }}, () => {{
          const sheet = newSheet(study, pairs.length);
          for (const {{ pair, left }} of sheet.questions) {{
            const likesLeft = pairs[pair][left] === orange;
            answer(sheet, Math.random() < 0.1 ? null : likesLeft ? "left" : "right");
          }}
          return sheet;
        }});
        """,
    )
    found = count_preferences(key, sheets)
    assert len(found) == 40 and all(rater.second == 0 for rater in found.values())
    answers = [answer for sheet in sheets for answer in sheet["answers"]]
    assert 0 < sum(rater.ties for rater in found.values()) < 0.25 * len(answers)
    # Another order and other sides for every rater, each pair once.
    assert all(
        sorted(a["pair"] for a in sheet["answers"]) == list(range(12))
        for sheet in sheets
    )
    assert len({str([a["pair"] for a in sheet["answers"]]) for sheet in sheets}) > 35
    assert 0.35 < np.mean([answer["left"] == "x" for answer in answers]) < 0.65


@needs_chromium
@pytest.mark.slow
def test_a_rater_who_always_prefers_orange(study, folder, tmp_path):
    steps = """
        const byId = id => document.getElementById(id);
        const seen = [byId("class").textContent, byId("thanks").hidden];
        const key = name => dispatchEvent(new KeyboardEvent("keydown", { key: name }));
        byId("tie").click();
        byId("back").click();
        key("ArrowUp");
        for (let i = 0; i < 11; i++) {
          if (byId("left").firstChild.src === ORANGE) byId("left").click();
          else key("ArrowRight");
        }
        const kept = JSON.parse(localStorage.getItem(localStorage.key(0)));
        seen.push(kept.answers.length, document.querySelector("progress").value);
        const file = new Promise(done => URL.createObjectURL = done);
        HTMLAnchorElement.prototype.click = function () { seen.push(this.download); };
        byId("download").click();
        seen.push(JSON.parse(await (await file).text()));
        await new Promise(done => setTimeout(done, 200));
        return seen;
    """.replace("ORANGE", json.dumps(drawn(ORANGE)))
    seen = run_in_chromium(folder / "study.html", steps, tmp_path)
    *page, name, sheet = seen
    assert page == ["<b>cat", True, 11, 11]
    assert name == f"answers_{sheet['rater']}.json"
    assert count_preferences(study[1], [sheet]) == {sheet["rater"]: Preference(11, 0)}

    # Opened again, it goes on where it was.
    again = """
        const before = document.querySelector("progress").value;
        document.getElementById("tie").click();
        return [before, document.getElementById("thanks").hidden];
    """
    assert run_in_chromium(folder / "study.html", again, tmp_path) == [11, False]
