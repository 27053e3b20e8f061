"""Measures `keras-explainer explain-bulk`: with two processes, with one, and bare.

    python benchmarks/bulk_speed.py

MobileNet at 224x224 over drawn JPEG files, each process with one thread of
TensorFlow's: images per second of the command with two processes and with one, from the
first finished shard to the last, and of a loop that reads the same files and calls
`explain`, without writing anything. Start-up is in the seconds of the whole command.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

BATCH_SIZE = 16
PINNED = {
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def draw(folder, count):
    """Draws pictures of 375 x 500 pixels, waves with some noise."""
    import numpy as np
    from PIL import Image

    y, x = np.mgrid[:375, :500] / 40.0
    for number in range(count):
        random = np.random.default_rng(number)
        shifts = random.uniform(0, 6, 3)
        waves = np.stack([np.sin(x * s + y + s) for s in shifts], axis=-1)
        levels = 127 + 100 * waves + random.normal(0, 8, waves.shape)
        picture = Image.fromarray(np.clip(levels, 0, 255).astype("uint8"))
        picture.save(folder / f"{number:06d}.jpg", quality=90)


def save_explainer(path):
    import keras

    import keras_explainer as kx

    classifier = keras.applications.MobileNet(weights=None)
    kx.ExplainerModel(classifier, preprocess_input="mobilenet").save(path)


def bare(explainer, pictures):
    """Returns images per second of a loop over files, after a first batch."""
    from keras_explainer.commands.load_explainer import load_explainer
    from keras_explainer.commands.read_pictures import as_input
    from keras_explainer.commands.read_pictures import read_pictures

    explainer = load_explainer(explainer)
    paths = sorted(pathlib.Path(pictures).iterdir())
    batches = [paths[i : i + BATCH_SIZE] for i in range(0, len(paths), BATCH_SIZE)]
    for number, batch in enumerate([batches[0], *batches]):
        if number == 1:
            start = time.perf_counter()
        explainer.explain(as_input(read_pictures(batch), explainer), top_k=3)
    return len(paths) / (time.perf_counter() - start)


def bulk(explainer, pictures, processes):
    """Returns images per second, and seconds of the whole command."""
    from keras_explainer.bulk.shard_file import read_rows

    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "keras_explainer", "explain-bulk"]
        command += ["--explainer", explainer, "--input", f"{pictures}/*.jpg"]
        command += ["--output", out, "--shards", "64", "--batch-size", str(BATCH_SIZE)]
        if processes > 1:
            command += ["--direct_num_workers", str(processes)]
            command += ["--direct_running_mode", "multi_processing"]
        start = time.perf_counter()
        done = subprocess.run(
            command, env={**os.environ, **PINNED}, capture_output=True, text=True
        )
        seconds = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(done.stderr)
        shards = sorted(pathlib.Path(out).glob("masks-*"), key=_time)
        counts = [sum(1 for _ in read_rows(shard)) for shard in shards]
        assert sum(counts) == len(list(pathlib.Path(pictures).iterdir()))
        return sum(counts[1:]) / (_time(shards[-1]) - _time(shards[0])), seconds


def _time(path):
    return path.stat().st_mtime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", default=1024, type=int)
    parser.add_argument("--rounds", default=2, type=int)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        print(bare(*arguments.bare))
        return
    with tempfile.TemporaryDirectory() as home:
        pictures, home = pathlib.Path(home) / "pictures", pathlib.Path(home)
        pictures.mkdir()
        draw(pictures, arguments.images)
        save_explainer(home / "explainer.keras")
        exported = [sys.executable, "-m", "keras_explainer", "export"]
        exported += ["--explainer", str(home / "explainer.keras"), "--mask-size", "224"]
        model = str(home / "explainer" / "1")
        (home / "explainer").mkdir()
        subprocess.run([*exported, "--out", model], check=True, capture_output=True)
        print(f"{'images per second':22}{'loop':>8}{'one':>8}{'two':>8}", end="")
        print(f"{'two/one':>9}{'loop/one':>9}{'load':>7}")
        for _ in range(arguments.rounds):
            loop = subprocess.run(
                [
                    sys.executable,
                    __file__,
                    "--bare",
                    home / "explainer.keras",
                    pictures,
                ],
                env={**os.environ, **PINNED},
                capture_output=True,
                text=True,
                check=True,
            )
            loop = float(loop.stdout.split()[-1])
            one, seconds_one = bulk(model, pictures, 1)
            two, seconds_two = bulk(model, pictures, 2)
            print(
                f"{'':22}{loop:8.1f}{one:8.1f}{two:8.1f}{two / one:9.2f}"
                f"{loop / one:9.2f}{os.getloadavg()[0]:7.1f}",
                flush=True,
            )
            print(
                f"{'seconds in all':22}{'':8}{seconds_one:8.1f}{seconds_two:8.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
