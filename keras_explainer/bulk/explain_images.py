"""The pipeline: names of files, shards of them, masks."""

import json

import apache_beam as beam
from apache_beam.ml.inference.base import RunInference

from keras_explainer.bulk.read_shard import UnfinishedShards
from keras_explainer.bulk.saved_model_handler import SavedModelHandler
from keras_explainer.bulk.write_shard import WriteShard


def explain_images(
    pipeline, folder, inputs, model, *, batch_size, top_k, kind, threshold, verify
):
    """Adds to a pipeline what reads, explains and writes all images.

    From the grouping on, an element is a whole shard, and every step is right whatever
    a runner does with it; most runners fuse the steps, so that a shard is on disk as
    soon as it is explained, and memory holds the coded masks of one for each process.

    Args:
        pipeline: `beam.Pipeline`.
        folder: `BulkFolder`.
        inputs: String, the file with the names of the images' files, as JSON lines.
        model: String, the version folder of the exported explainer.
        batch_size: int.
        top_k: int.
        kind: "png" or "rle".
        threshold: float, or None.
        verify: Boolean.

    Returns:
        `PCollection` of the numbers of the shards that were written.
    """

    def with_shard(line):
        path = json.loads(line)
        return folder.shard_of(path), path

    handler = SavedModelHandler(model, batch_size, top_k, kind, threshold, verify)
    return (
        pipeline
        | "Names" >> beam.io.ReadFromText(inputs)
        | "Shards" >> beam.Map(with_shard)
        | "Group" >> beam.GroupByKey()
        | "Unfinished" >> beam.ParDo(UnfinishedShards(folder))
        | "Explain" >> RunInference(handler)
        | "Write" >> beam.ParDo(WriteShard(folder))
    )
