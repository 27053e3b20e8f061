"""Measures what the explanation costs a server, beside the prediction alone.

    python benchmarks/serving_load.py

The explanation endpoint (k = 1) and a SavedModel of the classifier alone are served
by the same process, on loopback, by the servers of tests/serving: they run TensorFlow's
C++ session and keep the REST and gRPC rules, but are written in Python, so read the
ratios; those of processor time bear other load on the machine best. Then a tiny
explainer answers many requests, and the memory of the server is compared after a tenth
of them and at the end.
"""

import argparse
import concurrent.futures
import multiprocessing
import os
import pathlib
import sys
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

import keras_explainer as kx
from keras_explainer.serving import Client
from keras_explainer.serving import ServingError
from keras_explainer.serving import export_saved_model
from keras_explainer.serving.make_signatures import make_signatures

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "tests" / "serving"))

from grpc_server import GrpcServer  # noqa: E402
from rest_server import RestServer  # noqa: E402
from served_model import ServedModel  # noqa: E402


def export_both(classifier, preprocess_input, folder):
    """Writes the explanation and the prediction, and returns their paths by name."""
    explainer = kx.ExplainerModel(classifier, preprocess_input=preprocess_input)
    explanation = folder / "explanation" / "1"
    export_saved_model(explainer, explanation, top_k=1, max_batch_size=1)
    prediction = folder / "prediction" / "1"
    module = tf.Module()
    module.variables_of_the_classifier = [v.value for v in classifier.variables]
    classify = make_signatures(explainer)["classify"]
    tf.saved_model.save(module, str(prediction), {"classify": classify})
    return {"explanation": explanation, "prediction": prediction}


def serve(paths, pipe):
    """Serves the models in a process of its own until the pipe is closed."""
    models = [ServedModel(path, name) for name, path in paths.items()]
    with RestServer(models) as rest, GrpcServer(models) as grpc:
        pipe.send({"REST": rest.address, "gRPC": grpc.address})
        pipe.recv()


class Served:
    """The models in another process, inside a `with` block."""

    def __init__(self, paths):
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=serve, args=(paths, theirs), daemon=True)

    def __enter__(self):
        self.process.start()
        self.addresses = self.pipe.recv()
        return self

    def __exit__(self, *error):
        self.pipe.send("stop")
        self.process.join(30)

    def processor_time(self):
        """Seconds of processor time that the server has used."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    @property
    def memory(self):
        """Resident memory in bytes."""
        pages = pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")


def latencies(ask, clients, requests):
    """Returns the seconds of each request, and the requests per second.

    Args:
        ask: List of functions, one per client.
        clients: int, how many ask at the same time.
        requests: int, in all.
    """

    def one_client(index):
        times = []
        for _ in range(requests // clients):
            start = time.perf_counter()
            ask[index]()
            times.append(time.perf_counter() - start)
        return times

    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        times = [t for part in pool.map(one_client, range(clients)) for t in part]
    return times, len(times) / (time.perf_counter() - start)


def compare(route, clients, requests, asks, processor_time):
    """Asks for both in turns, so that other load hits both, and prints a row each."""
    for ask in asks.values():
        latencies(ask, clients, clients)
    found = {name: ([], [], []) for name in asks}
    for _ in range(4):
        for name, ask in asks.items():
            start = processor_time()
            times, rate = latencies(ask, clients, max(clients, requests // 4))
            found[name][0].extend(times)
            found[name][1].append(rate)
            found[name][2].append((processor_time() - start) / len(times))
    rows = {
        name: [
            *(1e3 * np.percentile(times, [50, 95])),
            np.mean(rates),
            1e3 * np.mean(cpu),
        ]
        for name, (times, rates, cpu) in found.items()
    }
    for name, (middle, slow, rate, cpu) in rows.items():
        row = f"{route:22}{clients:8}  {name:12}{middle:9.1f}{slow:9.1f}{rate:9.2f}"
        of_p50, of_cpu = (rows[name][i] / rows["prediction"][i] for i in (0, 3))
        print(f"{row}{of_p50:8.2f}{cpu:9.1f}{of_cpu:8.2f}", flush=True)


def measure_load(paths, images, requests):
    print(f"{'route':22}{'clients':>8}  {'':12}{'p50 ms':>9}{'p95 ms':>9}", end="")
    print(f"{'per s':>9}{'ratio':>8}{'CPU ms':>9}{'ratio':>8}")
    signatures = {"prediction": "classify", "explanation": "serving_default"}
    inside = {name: ServedModel(path, name) for name, path in paths.items()}
    for clients in (1, 8):
        asks = {
            name: [lambda n=name: inside[n].run(signatures[n], {"images": images})] * 8
            for name in signatures
        }
        compare("session, no payload", clients, requests, asks, time.process_time)
    with Served(paths) as served:
        for route, address in served.addresses.items():
            for clients in (1, 8):
                asks = {
                    name: [
                        request(Client(f"{address}/v1/models/{name}"), name, images)
                        for _ in range(clients)
                    ]
                    for name in signatures
                }
                compare(route, clients, requests, asks, served.processor_time)


def request(client, name, images):
    method = client.explain if name == "explanation" else client.classify
    return lambda: method(images)


def measure_drift(path, requests):
    """Prints the server's memory after a tenth of the requests and at the end."""
    picture = tf.io.encode_jpeg(np.full((48, 64, 3), 90, "uint8")).numpy()
    bad = picture[:-40]
    with Served({"tiny": path}) as served:
        client = Client(f"{served.addresses['gRPC']}/v1/models/tiny")
        for i in range(requests):
            if i % 10 == 9:  # Errors must not leak either.
                try:
                    client.explain(bad)
                except ServingError:
                    pass
            else:
                client.explain(picture)
            if i + 1 == requests // 10:
                warm = served.memory
        drift = served.memory / warm - 1
    print(
        f"\n{requests} requests by gRPC, a tenth of them truncated files: "
        f"{warm / 2**20:.1f} MiB after {requests // 10}, drift {100 * drift:+.2f} %"
    )


def tiny_classifier():
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((32, 32, 3)),
            layers.Conv2D(8, 3, strides=2, activation="relu"),
            layers.Conv2D(16, 3, strides=2, activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(5, activation="softmax"),
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--requests", default=64, type=int, help="per row of the table")
    parser.add_argument("--drift-requests", default=10_000, type=int)
    arguments = parser.parse_args()
    images = np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3))
    images = images.astype("float32")
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        classifier = keras.applications.ResNet50(weights=None)
        paths = export_both(classifier, "resnet", folder)
        measure_load(paths, images, arguments.requests)
        tiny = kx.ExplainerModel(tiny_classifier(), preprocess_input="mobilenet")
        path = export_saved_model(tiny, folder / "tiny" / "1", max_batch_size=1)
        measure_drift(path, arguments.drift_requests)


if __name__ == "__main__":
    main()
