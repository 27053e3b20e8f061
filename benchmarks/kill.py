"""Kills commands at random moments (SIGKILL), and looks at what is left of them.

    python benchmarks/kill.py --kills 20

Each of `train`, `evaluate`, `explain-bulk` and `export` is run on a tiny classifier of
16 x 16 pixels, killed, and given again as its own message says. Then a result must be
there that equals one of a run that was not killed, and at no moment may anything have
the name of a result that is not whole. TensorFlow is imported once; every run is a
fork, made before any operation has started a thread.
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import traceback

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import numpy as np
import tensorflow as tf
from PIL import Image

from keras_explainer.__main__ import main as run_command

SIDE, PICTURES = 16, 8
# What the last process printed.
SAID = pathlib.Path(tempfile.gettempdir(), f"kill_{os.getpid()}.txt")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=20, help="of each command")
    parser.add_argument("--commands", nargs="+", default=list(COMMANDS))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(arguments)
    moments = random.Random(args.seed)
    total = {"lost": 0, "half_written": 0, "not_resumed": 0}
    heads = ("command", "kills", "with something kept", "finished before", *total)
    print("| " + " | ".join(heads).replace("_", " ") + " |")
    print("|" + "---|" * len(heads), flush=True)
    with tempfile.TemporaryDirectory() as home:
        home = pathlib.Path(home)
        make_pictures(home / "pictures")
        assert forked(make_models, home) == 0
        for name in args.commands:
            counts = kill_many(COMMANDS[name], home, args.kills, moments)
            print(
                "| " + " | ".join(map(str, [name, args.kills, *counts.values()])), "|"
            )
            for key in total:
                total[key] += counts[key]
    SAID.unlink(missing_ok=True)
    return int(any(total.values()))


def kill_many(command, home, kills, moments):
    """Returns how often a command was killed with what outcome."""
    counts = dict.fromkeys(
        ("kept", "finished", "lost", "half_written", "not_resumed"), 0
    )
    expected = home / f"{command.name}_whole"
    start = time.monotonic()
    assert forked(give, command, home, expected) == 0, SAID.read_text()
    seconds = time.monotonic() - start
    for number in range(kills):
        out = home / f"{command.name}_{number}" / "1"
        out.parent.mkdir()
        # Users have files beside; nothing happens to them.
        beside = [out.with_name("1.old"), out.with_name("notes")]
        for folder in beside:
            folder.mkdir()
            (folder / "mine.txt").write_text("mine")
        forked(give, command, home, out, seconds=moments.uniform(0, 1) * seconds)
        counts["kept"] += any(p not in beside for p in out.parent.iterdir())
        finished = command.is_finished(out)
        counts["finished"] += finished
        broken = forked(check_whole, command, out, expected) != 0
        counts["half_written"] += broken
        again = finished or forked(give_again, command, home, out) == 0
        counts["not_resumed"] += not again
        mine = [f / "mine.txt" for f in beside]
        same = again and (finished or not forked(check_same, command, out, expected))
        lost = broken or not same or any(p.read_text() != "mine" for p in mine)
        counts["lost"] += lost
        if lost or not again:
            print(SAID.read_text(), file=sys.stderr)
        print(f"{command.name} {number + 1}/{kills}: {counts}", file=sys.stderr)
    return counts


def forked(function, *args, seconds=None):
    """Returns the exit code of a function in a process of its own, killed in time."""
    process = os.fork()
    if not process:
        code = 1
        with contextlib.suppress(BaseException), open(SAID, "w") as said:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            try:
                tf.config.run_functions_eagerly(True)
                code = function(*args) or 0
            except BaseException:
                traceback.print_exc()
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(process, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


# === What is run ===


def make_pictures(folder):
    folder.mkdir()
    for number in range(PICTURES):
        levels = np.random.default_rng(number).integers(
            0, 256, (SIDE, SIDE, 3), "uint8"
        )
        Image.fromarray(levels).save(folder / f"{number}.png")


def make_models(home):
    import keras

    import keras_explainer as kx

    keras.utils.set_random_seed(0)
    classifier = keras.Sequential(
        [
            keras.Input((SIDE, SIDE, 3)),
            keras.layers.Rescaling(1 / 127.5, -1),
            keras.layers.Conv2D(4, 3, 2, "same", activation="relu"),
            keras.layers.Conv2D(4, 3, 2, "same", activation="relu"),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(2, activation="softmax"),
        ]
    )
    classifier.save(home / "classifier.keras")
    explainer = kx.ExplainerModel(classifier, class_names=["a", "b"])
    explainer.save(home / "explainer.keras")
    explainer.export(home / "exported" / "1", max_batch_size=1)


def give(command, home, out, *more):
    # Galleries of one picture, and curves of few steps: less to wait for.
    import keras_explainer.commands.train as train
    import keras_explainer.evaluation as evaluation

    train.EPOCH_GALLERY = train.GALLERY = 1
    whole = evaluation.evaluate_methods
    evaluation.evaluate_methods = lambda *args, **options: whole(
        *args, step_share=0.5, **options
    )
    return run_command([*command.arguments(home, out), *more])


def give_again(command, home, out):
    """The same, or with --resume, where the command asks for it."""
    partial = out.with_name("1.partial")
    resume = any(any(partial.glob(kept)) for kept in command.kept)
    code = give(command, home, out, *(["--resume"] if resume else []))
    # What was killed as it took its name is named by the next command, which says so.
    return 0 if command.is_finished(out) else code


# === What must be there ===


class Command:
    """A command with the arguments, and what its result is."""

    kept = ()

    def is_finished(self, out):
        return out.exists()


class Train(Command):
    name, kept = "train", ("epoch_*.keras",)

    def arguments(self, home, out):
        return [
            *("train", "--classifier", f"{home}/classifier.keras", "--epochs", "3"),
            *("--dataset", "folder", "--data", f"{home}/pictures", "--batch-size", "4"),
            *("--out", f"{out}"),
        ]

    def content(self, out):
        from keras_explainer.loading.load_explainer import load_explainer
        from keras_explainer.runs.history_file import read_history

        rows = read_history(out / "history.csv")
        weights = load_explainer(out).get_weights()
        losses = np.float32([row["loss"] for row in rows])
        return names_in(out), [losses, *weights]


class Evaluate(Command):
    name, kept = "evaluate", ("measured/[!.]*.npz",)

    def arguments(self, home, out):
        return [
            *("evaluate", "--explainer", f"{home}/explainer.keras", "--dataset"),
            *("folder", "--data", f"{home}/pictures", "--batch-size", "2"),
            *("--methods", "explainer,random", "--out", f"{out}"),
        ]

    def content(self, out):
        content = json.loads((out / "results.json").read_text())
        for method in content["methods"].values():
            del method["seconds_per_image"]
        return (names_in(out), json.dumps(content)), []


class ExplainBulk(Command):
    name = "explain-bulk"

    def arguments(self, home, out):
        return [
            *("explain-bulk", "--explainer", f"{home}/exported/1"),
            *("--input", f"{home}/pictures", "--output", f"{out}", "--shards", "6"),
        ]

    def is_finished(self, out):
        from keras_explainer.bulk.bulk_folder import BulkFolder

        folder = BulkFolder(str(out), 6, "tfrecord")
        pictures = sorted((out.parents[1] / "pictures").iterdir())
        return {folder.masks(folder.shard_of(str(p))) for p in pictures} <= set(
            folder.finished()
        )

    def content(self, out):
        from keras_explainer.bulk import read_explanations

        rows = sorted(read_explanations(out), key=lambda row: row.path)
        return [row.path for row in rows], [row.masks for row in rows]


class Export(Command):
    name = "export"

    def arguments(self, home, out):
        out = out if out.name == "1" else out / "1"
        return ["export", "--explainer", f"{home}/explainer.keras", "--out", f"{out}"]

    def content(self, out):
        out = out if out.name == "1" else out / "1"
        images = np.full((1, SIDE, SIDE, 3), 100, "float32")
        loaded = tf.saved_model.load(str(out))
        answer = loaded.signatures["serving_default"](images=tf.constant(images))
        return names_in(out), [answer["masks"].numpy(), answer["scores"].numpy()]


COMMANDS = {c.name: c for c in (Train(), Evaluate(), ExplainBulk(), Export())}


def names_in(out):
    return sorted(p.relative_to(out).as_posix() for p in out.rglob("*") if p.is_file())


def check_whole(command, out, expected):
    """Fails if something has the name of a result, or of a shard, that is not whole."""
    if command.name == "explain-bulk":
        if list(out.glob("masks-*")):
            names, masks = command.content(out)
            whole = dict(zip(*command.content(expected)))
            assert len(set(names)) == len(names) and set(names) <= set(whole)
            for name, mask in zip(names, masks):
                np.testing.assert_allclose(mask, whole[name], atol=2 / 255)
    elif out.exists():
        check_same(command, out, expected)


def check_same(command, out, expected):
    names, arrays = command.content(out)
    other_names, others = command.content(expected)
    if command.name == "train":  # Notes of the run itself may be there.
        names = [n for n in names if not n.startswith((".lock", "epoch_"))]
    assert names == other_names, (names, other_names)
    for array, other in zip(arrays, others, strict=True):
        np.testing.assert_allclose(array, other, atol=2 / 255)


if __name__ == "__main__":
    sys.exit(main())
