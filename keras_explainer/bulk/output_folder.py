"""The --output of `explain-bulk`: new, or that of the same run before."""

import contextlib
import hashlib
import pathlib

from keras_explainer.command_line.command_error import UsageError

# Images that a shard has on average, and how many shards there are at least.
SHARD_SIZE, FEWEST_SHARDS = 500, 16
_COMMAND = "explain-bulk"
# What a run leaves that is killed as it writes its first file.
_HALF_WRITTEN = ".config.json-*.partial"


def prepared_folder(args, explainer, inputs):
    """Makes --output ready: a new folder, or that of the same run before.

    Args:
        args: Namespace of `explain-bulk`.
        explainer: String, the `.keras` file or the version folder.
        inputs: Sorted list of the names of the images' files.

    Returns:
        A `BulkFolder`.

    Raises:
        UsageError: If the folder holds other files, or a run of other arguments.
    """
    from apache_beam.io.filesystems import FileSystems

    from keras_explainer.bulk.bulk_folder import BulkFolder
    from keras_explainer.bulk.bulk_folder import paths_inside
    from keras_explainer.bulk.bulk_folder import read_json_lines
    from keras_explainer.bulk.bulk_folder import write_json_lines

    settings = {
        "command": _COMMAND,
        "explainer": _digest(explainer),
        "input": args.input,
        "top_k": args.top_k,
        "masks": args.masks,
        "threshold": args.threshold,
        "verify": args.verify,
        "format": args.format,
    }
    shards = max(-(-len(inputs) // SHARD_SIZE), FEWEST_SHARDS)
    config = FileSystems.join(args.output, "config.json")
    earlier = _earlier_settings(config)
    if earlier:
        shards = args.shards or earlier["shards"]
        _check_same(args, {**settings, "shards": shards}, earlier)
    elif set(paths_inside(args.output, "*")) - set(
        paths_inside(args.output, _HALF_WRITTEN)
    ):
        raise UsageError(
            "Argument --output should be a new folder, or that of an interrupted run. "
            f"Received: {args.output}, which holds other files"
        )
    else:
        shards = args.shards or shards
        with contextlib.suppress(OSError):  # It exists, and is empty.
            FileSystems.mkdirs(args.output)
        write_json_lines(config, [{**settings, "shards": shards}])
    folder = BulkFolder(args.output, shards, args.format)
    folder.remove_partial()
    names = read_json_lines(folder.file("inputs.jsonl"))
    if names is None:
        write_json_lines(folder.file("inputs.jsonl"), inputs)
    elif names != inputs:
        raise UsageError(
            "Argument --input should name the files that it named when the run in "
            f"--output began, {len(names)}. Received: {len(inputs)}, of which "
            f"{len(set(inputs) - set(names))} are new"
        )
    return folder


def _earlier_settings(path):
    """Returns the settings of the run before, or None if there was none of ours."""
    from keras_explainer.bulk.bulk_folder import read_json_lines

    try:
        values = read_json_lines(path) or [{}]
    except ValueError:  # Other JSON, or none.
        return None
    is_ours = isinstance(values[0], dict) and values[0].get("command") == _COMMAND
    # Runs of before there was --verify had none.
    return {"verify": False, **values[0]} if is_ours else None


def _check_same(args, settings, earlier):
    for name, value in settings.items():
        if earlier.get(name) != value:
            received = getattr(args, name, None)
            before = "the one" if name == "explainer" else repr(earlier.get(name))
            raise UsageError(
                f"Argument --{name.replace('_', '-')} should be {before} of the run in "
                f"--output, or --output a new folder. Received: {received!r}"
            )


def _digest(explainer):
    """Returns what tells one explainer from another: the path, or better the bytes."""
    if "://" in explainer:
        return explainer
    path, digest = pathlib.Path(explainer), hashlib.sha256()
    files = [path] if path.is_file() else sorted(path.glob("variables/*"))
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()
