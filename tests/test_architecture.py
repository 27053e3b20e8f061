"""Imports run as docs/architecture.md says, and only so."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = "keras_explainer"
DOORS = {"__init__", "__main__"}


def rules():
    """Returns the rooms that each room may import, from the table of the page."""
    allowed = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        row = re.fullmatch(r"\| `(\w+)` \| .+? \|(.*)\|", line)
        if row:
            allowed[row[1]] = set(re.findall(r"`(\w+)`", row[2]))
            if row[2].strip() == "all":
                allowed[row[1]] = set(allowed)
    return allowed


def imported(source):
    """Returns the modules of the package that source code imports, at any place."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level:
            names = [f"{PACKAGE}.relative import"]
        elif isinstance(node, ast.ImportFrom) and node.module == PACKAGE:
            names = [f"{PACKAGE}.{alias.name}" for alias in node.names]
        else:
            names = [getattr(node, "module", None) or ""]
        yield from (name for name in names if f"{name}.".startswith(f"{PACKAGE}."))


def private_names(source):
    """Returns the `_names` that source code takes from other files of the package."""
    modules = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith(
            f"{PACKAGE}."
        ):
            yield from (a.name for a in node.names if a.name.startswith("_"))
            modules |= {alias.asname or alias.name for alias in node.names}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            is_private = node.attr.startswith("_") and not node.attr.startswith("__")
            if is_private and node.value.id in modules:
                yield f"{node.value.id}.{node.attr}"


def rooms_of(path):
    """Returns the room of a file, and those that it imports."""
    place = path.relative_to(ROOT / PACKAGE)
    room = place.parts[0] if len(place.parts) > 1 else place.stem
    found = {name.split(".")[1] for name in imported(path.read_text()) if "." in name}
    return room, found - {room}


def violations(room, found, allowed):
    ground = {p.stem for p in (ROOT / PACKAGE).glob("*.py")} - DOORS
    if room in DOORS:
        return set()
    if room not in allowed:
        return found - {"backend"}
    return found - allowed[room] - ground


def test_imports_run_as_the_page_says():
    against = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        against[str(path)] = violations(*rooms_of(path), rules())
    assert len(against) > 150
    assert not {path: found for path, found in against.items() if found}


def test_names_of_one_file_stay_in_it():
    files = sorted((ROOT / PACKAGE).rglob("*.py"))
    assert not [
        path for path in files if path.name.startswith("_") and path.stem not in DOORS
    ]
    taken = {str(path): list(private_names(path.read_text())) for path in files}
    assert not {path: names for path, names in taken.items() if names}


def test_a_name_taken_from_another_file_is_seen():
    code = "from keras_explainer.losses import iou\nfrom keras_explainer.a import _b, c"
    assert list(private_names(code)) == ["_b"]
    assert list(private_names(f"{code}\niou._mean(c.d)")) == ["_b", "iou._mean"]
    assert not list(private_names("from tensorflow import _api\nself._x = _api._y"))


def test_the_page_has_every_room_from_the_ground_up():
    allowed = rules()
    folders = {
        p.name for p in (ROOT / PACKAGE).iterdir() if (p / "__init__.py").exists()
    }
    assert set(allowed) == folders
    rooms = list(allowed)
    for room, below in allowed.items():
        assert below - {room} <= set(rooms[: rooms.index(room)]), room


def test_an_import_against_the_page_is_seen():
    code = "def late():\n    from keras_explainer.explainers import targets"
    found = {name.split(".")[1] for name in imported(code)}
    assert violations("losses", found, rules()) == {"explainers"}
    assert violations("check_option", {"inputs"}, rules()) == {"inputs"}
    assert not violations("explainers", {"losses", "check_option"}, rules())
    assert list(imported("import keras_explainer.bulk.pipeline_elements"))
    assert list(imported("from . import x"))
