"""The exported explainer inside Beam's RunInference."""

import io

import numpy as np
from apache_beam.ml.inference.base import ModelHandler

from keras_explainer.bulk.elements import Explained
from keras_explainer.bulk.elements import Failed
from keras_explainer.bulk.elements import Picture


class SavedModelHandler(ModelHandler):
    """Explains batches with `serving_default` of an exported explainer.

    Files that are no pictures come out as `Failed`; what is not a `Picture` goes
    through as it is, in its place.

    Args:
        path: String, the version folder.
        batch_size: int.
        top_k: int. Masks of the most probable classes, at most as many as exported.
    """

    def __init__(self, path, batch_size, top_k):
        super().__init__(min_batch_size=batch_size, max_batch_size=batch_size)
        self.path = path
        self.top_k = top_k

    def load_model(self):
        import tensorflow as tf

        # All of it: the variables live no longer than what was loaded.
        return tf.saved_model.load(self.path)

    def run_inference(self, batch, model, inference_args=None):
        explain = model.signatures["serving_default"]
        size = tuple(explain.structured_input_signature[1]["images"].shape[1:3])
        results = list(batch)
        images, places = [], []
        for place, element in enumerate(batch):
            if not isinstance(element, Picture):
                continue
            try:
                image, file_size = _decode(element.content, size)
            # Broken bytes make decoders raise nearly anything.
            except Exception as error:
                results[place] = Failed(element.shard, element.path, _reason(error))
                continue
            images.append(image)
            places.append((place, file_size))
        if images:
            for (place, file_size), row in zip(places, self._rows(explain, images)):
                shard, path, _ = batch[place]
                row.update(path=path, height=file_size[0], width=file_size[1])
                results[place] = Explained(shard, row)
        return results

    def get_num_bytes(self, batch):
        return sum(len(e.content) for e in batch if isinstance(e, Picture))

    def get_metrics_namespace(self):
        return "explain_bulk_inference"

    def _rows(self, explain, images):
        import tensorflow as tf

        answer = explain(images=tf.constant(np.stack(images), tf.float32))
        answer = {name: values.numpy() for name, values in answer.items()}
        for i, masks in enumerate(answer["masks"]):
            shown = slice(self.top_k)
            yield {
                "masks": masks[..., shown],
                "classes": answer["classes"][i, shown].tolist(),
                "class_names": [n.decode() for n in answer["class_names"][i, shown]],
                "scores": answer["scores"][i, shown].tolist(),
                "probabilities": answer["probabilities"][i].tolist(),
            }


def _decode(content, size):
    """Returns the uint8 array of a picture at a size, and the size it had."""
    from keras_explainer.datasets._files import open_rgb
    from keras_explainer.datasets._files import resize

    picture = open_rgb(io.BytesIO(content), upright=True)
    return resize(picture, size), (picture.height, picture.width)


def _reason(error):
    # Without the name of the file, which is none here.
    return " ".join(str(error.__cause__ or error).split())
