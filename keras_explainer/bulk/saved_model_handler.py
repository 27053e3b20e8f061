"""The exported explainer inside Beam's RunInference."""

import io

import numpy as np
from apache_beam.ml.inference.base import ModelHandler

from keras_explainer.bulk.mask_encoding import encode_mask
from keras_explainer.bulk.pipeline_elements import ExplainedShard
from keras_explainer.bulk.pipeline_elements import Failed
from keras_explainer.bulk.read_shard import read_images


class SavedModelHandler(ModelHandler):
    """Explains whole shards with an exported explainer.

    A `Shard` becomes an `ExplainedShard`; its files are read here, a batch at a time,
    so that names of files and coded masks are all that ever goes between stages.

    Args:
        path: String, the version folder.
        batch_size: int. Images explained at once.
        top_k: int. Masks of the most probable classes, at most as many as exported.
        kind: "png" or "rle".
        threshold: As in `encode_mask`.
        verify: Boolean. Whether to ask for the proof of each mask too.
    """

    def __init__(self, path, batch_size, top_k, kind, threshold, verify=False):
        super().__init__()
        self.path = path
        self.batch_size = batch_size
        self.top_k = top_k
        self.kind = kind
        self.threshold = threshold
        self.signature = "explain_and_verify" if verify else "serving_default"

    def batch_elements_kwargs(self):
        # A shard at a time; older versions of Beam do not take it on construction.
        return {"min_batch_size": 1, "max_batch_size": 1}

    def load_model(self):
        import tensorflow as tf

        # All of it: the variables live no longer than what was loaded.
        model = tf.saved_model.load(self.path)
        if self.signature not in model.signatures:
            raise ValueError(
                f"Argument --explainer should have the signature {self.signature}, as "
                f"one exported anew has. Received: {self.path}"
            )
        return model

    def run_inference(self, batch, model, inference_args=None):
        explain = model.signatures[self.signature]
        return [self._explained(element, explain) for element in batch]

    def get_num_bytes(self, batch):
        return sum(len(path) for element in batch for path in element.paths)

    def get_metrics_namespace(self):
        return "explain_bulk_inference"

    def _explained(self, element, explain):
        size = tuple(explain.structured_input_signature[1]["images"].shape[1:3])
        rows, failed, waiting = [], [], []
        for image in read_images(element.paths):
            try:
                if isinstance(image, Failed):
                    failed.append(image)
                else:
                    waiting.append((image.path, *_decode(image.content, size)))
            # Broken bytes make decoders raise nearly anything.
            except Exception as error:
                failed.append(Failed(image.path, _reason(error)))
            if len(waiting) == self.batch_size:
                rows += self._rows(explain, waiting)
                waiting = []
        if waiting:
            rows += self._rows(explain, waiting)
        return ExplainedShard(element.shard, rows, failed)

    def _rows(self, explain, waiting):
        import tensorflow as tf

        paths, images, sizes = zip(*waiting)
        answer = explain(images=tf.constant(np.stack(images), tf.float32))
        answer = {name: values.numpy() for name, values in answer.items()}
        shown = slice(self.top_k)
        for i, (height, width) in enumerate(sizes):
            masks = answer["masks"][i, ..., shown]
            yield {
                "path": paths[i],
                "height": height,
                "width": width,
                "classes": answer["classes"][i, shown].tolist(),
                "class_names": [n.decode() for n in answer["class_names"][i, shown]],
                "scores": answer["scores"][i, shown].tolist(),
                "probabilities": answer["probabilities"][i].tolist(),
                "mask_format": self.kind,
                "mask_height": masks.shape[0],
                "mask_width": masks.shape[1],
                "masks": [
                    encode_mask(mask, self.kind, self.threshold)
                    for mask in np.moveaxis(masks, -1, 0)
                ],
                **{
                    name: answer[name][i, shown].tolist()
                    for name in ("kept_scores", "removed_scores")
                    if name in answer
                },
            }


def _decode(content, size):
    """Returns the uint8 array of a picture at a size, and the size it had."""
    from keras_explainer.files.read_picture import read_picture
    from keras_explainer.files.resize_picture import resize_picture

    picture = read_picture(io.BytesIO(content), upright=True)
    return resize_picture(picture, size), (picture.height, picture.width)


def _reason(error):
    # Without the name of the file, which is none here.
    return " ".join(str(error.__cause__ or error).split())
