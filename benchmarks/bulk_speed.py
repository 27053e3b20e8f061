"""Measures `keras-explainer explain-bulk`: with two processes, with one, and bare.

    python benchmarks/bulk_speed.py

MobileNet at 224x224 over drawn JPEG files, each process with one thread of
TensorFlow's: images per second of the command with two processes and with one, from the
first finished shard to the last, and of a loop that reads the same files and calls
`explain`, without writing anything. Processor time per image is that of all files less
that of a few, so without start-up, and depends less on what else the machine does.
"""

import argparse
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

BATCH_SIZE = 16
FEW = 64
ENVIRONMENT = {
    **os.environ,
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}


def draw(folder, count):
    """Draws pictures of 375 x 500 pixels, waves with some noise."""
    import numpy as np
    from PIL import Image

    os.mkdir(folder)
    y, x = np.mgrid[:375, :500] / 40.0
    for number in range(count):
        random = np.random.default_rng(number)
        waves = np.stack([np.sin(x * s + y) for s in random.uniform(0, 3, 3)], -1)
        levels = 127 + 100 * waves + random.normal(0, 8, waves.shape)
        picture = Image.fromarray(np.clip(levels, 0, 255).astype("uint8"))
        picture.save(f"{folder}/{number:06d}.jpg", quality=90)


def save_explainers(path, version):
    """Saves an explainer, and exports it with masks at the size of the images."""
    import keras

    import keras_explainer as kx

    classifier = keras.applications.MobileNet(weights=None)
    explainer = kx.ExplainerModel(classifier, preprocess_input="mobilenet")
    explainer.save(path)
    os.mkdir(os.path.dirname(version))
    explainer.export(version, mask_size=224, max_batch_size=1)


def bare(explainer, pictures):
    """Returns images per second, and seconds of processor time for each image."""
    from keras_explainer.loading.load_explainer import load_explainer
    from keras_explainer.loading.pictures import explainer_input
    from keras_explainer.loading.pictures import read_pictures

    explainer = load_explainer(explainer)
    paths = sorted(pathlib.Path(pictures).iterdir())
    batches = [paths[i : i + BATCH_SIZE] for i in range(0, len(paths), BATCH_SIZE)]
    for number, batch in enumerate([batches[0], *batches]):
        if number == 1:
            start, work = time.perf_counter(), time.process_time()
        images = [picture for _, picture in read_pictures(batch)]
        explainer.explain(explainer_input(images, explainer), top_k=3)
    elapsed, work = time.perf_counter() - start, time.process_time() - work
    return len(paths) / elapsed, work / len(paths)


def bare_in_a_process(explainer, pictures):
    command = [sys.executable, __file__, "--bare", explainer, pictures]
    done = subprocess.run(
        command, env=ENVIRONMENT, capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()[-2:]]


def bulk(model, pictures, processes):
    """Returns images per second from the first shard to the last, and in all
    seconds and seconds of processor time."""
    from keras_explainer.bulk.shard_file import read_rows

    count = len(list(pathlib.Path(pictures).iterdir()))
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "keras_explainer", "explain-bulk"]
        command += ["--explainer", model, "--input", pictures, "--output", out]
        command += ["--shards", "64", "--batch-size", str(BATCH_SIZE)]
        if processes > 1:
            command += ["--direct_num_workers", str(processes)]
            command += ["--direct_running_mode", "multi_processing"]
        start, work = time.perf_counter(), _work_of_children()
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        work = _work_of_children() - work
        if done.returncode:
            raise RuntimeError(done.stderr)
        shards = sorted(pathlib.Path(out).glob("masks-*"), key=_time)
        counts = [sum(1 for _ in read_rows(shard)) for shard in shards]
        assert sum(counts) == count
        rate = sum(counts[1:]) / (_time(shards[-1]) - _time(shards[0]))
        return rate, seconds, work


def _time(path):
    return path.stat().st_mtime


def _work_of_children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--images", default=1024, type=int)
    parser.add_argument("--rounds", default=2, type=int)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.bare:
        print(*bare(*arguments.bare))
        return
    with tempfile.TemporaryDirectory() as home:
        explainer, model = f"{home}/explainer.keras", f"{home}/explainer/1"
        few, many = f"{home}/few", f"{home}/many"
        draw(few, FEW)
        draw(many, arguments.images)
        save_explainers(explainer, model)
        for _ in range(arguments.rounds):
            measure(explainer, model, few, many)


def measure(explainer, model, few, many):
    more = len(os.listdir(many)) - FEW
    load = os.getloadavg()[0]
    loop, work = bare_in_a_process(explainer, many)
    print(f"load {load:.1f} before; images per second, and processor ms per image")
    print(f"{'loop':16}{loop:8.1f}{1e3 * work:8.1f}", flush=True)
    rates, works = {}, {}
    for processes in (1, 2):
        start_up = bulk(model, few, processes)[2]
        rates[processes], seconds, in_all = bulk(model, many, processes)
        works[processes] = (in_all - start_up) / more
        print(
            f"{f'{processes} process(es)':16}{rates[processes]:8.1f}"
            f"{1e3 * works[processes]:8.1f}  in all {seconds:.0f} s; start-up "
            f"{start_up:.0f} s of processor time",
            flush=True,
        )
    print(
        f"two against one {rates[2] / rates[1]:.2f}; one against the loop: time x "
        f"{loop / rates[1]:.2f}, processor time x {works[1] / work:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
