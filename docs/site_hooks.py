"""What the documentation takes from the code: public names and error sentences."""

import ast
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[1]
PACKAGE = ROOT / "keras_explainer"
REPOSITORY = "https://github.com/keras-explainer/keras-explainer/blob/main"
# Pages say where a list goes by a comment, which plain Markdown does not show.
NAMES = re.compile(r"<!-- public names of (\w+) -->")
ERRORS = "<!-- error sentences -->"
# Methods that users call, of a class or else of all classes of a package.
SHOWN = {
    "ExplainerModel": ["compile", "fit", "evaluate", "explain", "save", "export"],
    "Explanation": ["verdict", "show"],
    "explainers": ["compile"],
    "AttributionMethod": ["explain"],
    "attribution": ["original", "torchray"],
}


def on_page_markdown(markdown, page=None, **kwargs):
    """Writes the lists into a page, as MkDocs reads it."""
    if page is not None and page.file.src_uri.startswith("notebooks/"):
        # Notebooks lead to one another as they lie in `examples`.
        markdown = re.sub(r"\]\((\w+)\.ipynb\)", r"](\1.md)", markdown)
    markdown = NAMES.sub(lambda found: listed_names(found[1]), markdown)
    return markdown.replace(ERRORS, error_table())


def public_names(package):
    """Returns the names in `__all__` of a package of ours, without importing it."""
    for node in contents(package):
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__":
            return ast.literal_eval(node.value)
    raise ValueError(f"Package {package} should have a literal `__all__`.")


def contents(package):
    return ast.parse((PACKAGE / package / "__init__.py").read_text()).body


def listed_names(package):
    """Returns what mkdocstrings reads, a paragraph for each public name."""
    # By the modules that they come from: some functions have the name of theirs.
    places = {
        alias.name: f"{node.module}.{alias.name}"
        for node in contents(package)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return "\n\n".join(
        f"::: {places.get(name, f'keras_explainer.{package}.{name}')}"
        + options_of(package, name)
        for name in public_names(package)
    )


def options_of(package, name):
    """Returns which methods are shown where others serve the package itself."""
    members = SHOWN.get(name) or SHOWN.get(package)
    if members is None:
        return ""
    inherited = "true" if name in SHOWN else "false"
    return (
        f"\n    options:\n      members: [{', '.join(members)}]"
        f"\n      inherited_members: {inherited}"
    )


def error_sentences():
    """Returns a dict from each room to the sentences of the errors that it raises."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                for argument in node.exc.args[:1]:
                    sentence = sentence_of(argument)
                    if " should " in sentence and not sentence.startswith("..."):
                        found.setdefault(room, set()).add(sentence)
    return {room: sorted(sentences) for room, sentences in sorted(found.items())}


def sentence_of(node):
    """Returns the text of a string in code, with ... for what it is told about."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return " ".join(node.value.split(" ")).partition("Received:")[0].strip()
    if isinstance(node, ast.JoinedStr):
        parts = [
            part.value if isinstance(part, ast.Constant) else "..."
            for part in node.values
        ]
        return "".join(parts).partition("Received:")[0].strip()
    return ""


def error_table():
    rows = ["| sentence | raised in |", "|---|---|"]
    for room, sentences in error_sentences().items():
        rows += [f"| {shown(sentence)} | `{room}` |" for sentence in sentences]
    return "\n".join(rows)


def shown(sentence):
    return re.sub(r"([|<>*_])", r"\\\1", sentence).replace("\n", " ")
