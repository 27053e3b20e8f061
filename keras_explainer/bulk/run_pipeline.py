"""Running the pipeline of `explain-bulk`, and watching over it."""

import contextlib
import os
import sys
import threading

from keras_explainer.command_line.command_error import CommandError
from keras_explainer.command_line.command_error import Interrupted
from keras_explainer.command_line.command_error import UsageError

_SECONDS_BETWEEN_LOOKS = 1.0
_SECONDS_FOR_ITS_OWN_END = 5.0


def run_pipeline(args, folder, model, expected):
    """Runs the pipeline of `explain-bulk`, with a bar of finished shards.

    Args:
        args: Namespace of `explain-bulk`.
        folder: The `BulkFolder`.
        model: String, the version folder of the exported explainer.
        expected: Set of the paths of all shards.

    Returns:
        Dict of how many images were "explained" and "failed".
    """
    import apache_beam as beam
    from apache_beam.options.pipeline_options import PipelineOptions

    from keras_explainer.bulk.explain_images import explain_images

    # Workers speak up about errors; a level among the other arguments comes later.
    quiet = "--default_sdk_harness_log_level=ERROR"
    flags = [f"--runner={args.runner}", quiet, *args.other_arguments]
    if args.runner == "DirectRunner":
        # It would first try to download Prism, which knows no --direct_num_workers;
        # Prism is refused for pipelines with this flag, which has no effect on ours.
        flags.append("--allow_unsafe_triggers")
    try:
        pipeline = beam.Pipeline(options=PipelineOptions(flags))
    except ValueError as error:
        raise UsageError(
            "Argument --runner, with the flags for Beam, should be one that Beam "
            f"knows. Received: {args.runner} ({error})"
        ) from error
    try:
        explain_images(
            pipeline,
            folder,
            folder.file("inputs.jsonl"),
            model,
            batch_size=args.batch_size,
            top_k=args.top_k,
            kind=args.masks,
            threshold=args.threshold,
            verify=args.verify,
        )
        with _progress(folder, expected), _giving_up_with_a_worker():
            result = pipeline.run()
            result.wait_until_finish()
    except KeyboardInterrupt:
        raise Interrupted("Interrupted; the same command goes on from here.") from None
    # Runners, and the workers of theirs, raise what they like.
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        raise CommandError(
            "The pipeline should run to its end; the same command goes on from here. "
            f"Received: {lines[-1] if lines else type(error).__name__}"
        ) from error
    found = result.metrics().query(
        beam.metrics.MetricsFilter().with_namespace("explain_bulk")
    )
    counts = dict.fromkeys(("explained", "failed"), 0)
    for counter in found["counters"]:
        counts[counter.key.metric.name] += counter.result or 0
    return counts


@contextlib.contextmanager
def _progress(folder, expected):
    """Shows how many shards are finished, as long as the block runs."""
    from keras_explainer.command_line.console import count_bar

    stopped = threading.Event()
    bar = count_bar()
    task = bar.add_task("shards", total=len(expected))

    def look():
        while not stopped.wait(_SECONDS_BETWEEN_LOOKS):
            bar.update(task, completed=len(expected & folder.finished()))

    looking = threading.Thread(target=look, daemon=True)
    with bar:
        looking.start()
        try:
            yield
        finally:
            stopped.set()
            looking.join()


@contextlib.contextmanager
def _giving_up_with_a_worker():
    """Ends the process if one of DirectRunner's is killed, which it would wait for."""
    stopped, before = threading.Event(), threading.excepthook

    def give_up(failed):
        # Beam's thread that waits for a process; an error that the pipeline itself
        # stops for has the first word.
        if failed.thread is None or failed.thread.name != "run_worker":
            before(failed)
        elif not stopped.wait(_SECONDS_FOR_ITS_OWN_END):
            print(
                "\nerror: The pipeline should run to its end; the same command goes on "
                f"from here. Received: {failed.exc_value}",
                file=sys.stderr,
                flush=True,
            )
            os._exit(CommandError.exit_code)  # Beam's threads would stop an exit.

    threading.excepthook = give_up
    try:
        yield
    finally:
        threading.excepthook = before
        stopped.set()
