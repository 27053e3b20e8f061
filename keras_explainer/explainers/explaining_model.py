"""How every explainer explains images: in batches, outside a graph and inside one."""

import keras
import numpy as np
from keras import ops

from keras_explainer import backend
from keras_explainer.check_option import check_flag
from keras_explainer.check_option import check_option
from keras_explainer.explainers.explained_pictures import ExplainedPictures
from keras_explainer.explanations.explanation import Explanation
from keras_explainer.inputs.data_forms import read_images
from keras_explainer.inputs.images import as_images
from keras_explainer.inputs.images import short_repr
from keras_explainer.inputs.images import with_image_shape
from keras_explainer.inputs.labels import predicted_labels
from keras_explainer.inputs.targets import target_classes
from keras_explainer.training.explainer_trainer import ExplainerTrainer
from keras_explainer.verified_scores import verified_scores


class ExplainingModel(ExplainerTrainer):
    """Answers with the masks of the classes asked for."""

    def explain(
        self,
        images,
        targets=None,
        top_k=3,
        batch_size=32,
        refine_steps=0,
        mirrored=False,
        verify=False,
    ):
        """Explains images: the masks of the classes asked for.

        Args:
            images: Images (N, H, W, channels) as the classifier takes them: array,
                tensor, variable or list; or batches of them, whose labels are
                ignored: a `tf.data.Dataset`, a `PyDataset`, a generator or a loader.
                Of a classifier of several inputs all of them, as a dict by their names
                or a tuple in their order.
                Or pictures as they are: the path of a file or of a folder of them, a
                `PIL.Image`, or a list of such. They are resized and preprocessed as
                on the command line.
            targets: None (the predicted classes), an int (the same class for all),
                a list of ints (one per image), or one-hot or multi-hot rows (N, C).
            top_k: int. How many of the most probable classes get a mask when
                `targets` is None.
            batch_size: int. Images per pass. None is 32, as in Keras.
            refine_steps: int. So many steps fit each mask to its own image and class,
                each at two passes of the classifier with their gradients: it then says
                more of the class for what the mask keeps, and less for the rest.
                `ExplainerModel` only.
            mirrored: Boolean. Whether to explain the mirror image too and to show the
                mean of both: masks a little closer to the object at twice the cost.
            verify: Boolean. Whether to run the classifier too on what each mask keeps
                and on what it leaves, two passes for each mask: `kept_scores` should
                be as high as `scores`, and `removed_scores` low.

        Returns:
            An `Explanation`, of masks at the size of the images (the last of the stages
            of a mask) and of their `relevance`, at no further pass of the classifier.
            Tensors if `images` is a tensor, else NumPy arrays. Inside a `tf.function`
            or `Dataset.map`, all images are one pass.

        Raises:
            ValueError: If images, `targets` or `top_k` do not suit the classifier,
                `batch_size` is no whole number from 1, `refine_steps` does not suit
                the explainer, or `mirrored` or `verify` is no Boolean.

        Example:

        ```python
        explanation = explainer.explain("photo.jpg")
        explanation.show("explained.png")
        ```

        >>> explanation = explainer.explain(images, top_k=2)
        >>> explanation.masks.shape
        (4, 64, 64, 2)
        """
        check_option("top_k", top_k, 1, whole=True)
        check_option("refine_steps", refine_steps, 0, whole=True)
        if refine_steps and self.refined is None:
            raise ValueError(
                f"Argument `refine_steps` should be 0 for a {type(self).__name__}: "
                f"only an `ExplainerModel` refines masks. Received: {refine_steps}"
            )
        for argument, value in (("mirrored", mirrored), ("verify", verify)):
            check_flag(argument, value)
        batch_size = 32 if batch_size is None else batch_size
        check_option("batch_size", batch_size, 1, whole=True)
        options = (
            min(top_k, self.frozen.num_classes),
            int(refine_steps),
            bool(mirrored),
            bool(verify),
        )
        if backend.inside_graph():
            return self._explain_in_graph(images, targets, options)
        shown = ExplainedPictures(self, images)
        inputs = read_images(shown.images, self.frozen.input_shape, self.model_inputs)
        images, others = self.model_inputs.split(inputs)
        as_tensor = backend.is_tensor(images)
        self._check_images(images)
        classes = None
        if targets is not None:
            classes = target_classes(targets, len(images), self.frozen.num_classes)
        parts = []
        for start in range(0, len(images), batch_size):
            rows = slice(start, start + batch_size)
            part = self._explain_function(
                images[rows],
                [values[rows] for values in others],
                None if classes is None else classes[rows],
                batch_size if start else None,
                options,
            )
            parts.append(part if as_tensor else map(_as_array, part))
        join = ops.concatenate if as_tensor else np.concatenate
        explanation = Explanation(
            *(None if field[0] is None else join(field, 0) for field in zip(*parts))
        )
        return shown.noted_in(explanation, images)

    def _explain_in_graph(self, images, targets, options):
        """Explains images inside a `tf.function`, where their values are not known."""
        inputs = self.model_inputs.in_order(images)
        images, others = self.model_inputs.split(inputs)
        if not backend.is_symbolic(images):
            images = as_images(images)
            self._check_images(images)
        images = ops.convert_to_tensor(images)
        images = with_image_shape(images, self.frozen.input_shape)
        if targets is None:
            return self._explain_batch(images, others, None, *options)
        count = images.shape[0]
        if backend.is_symbolic(targets) or (np.ndim(targets) and count is None):
            raise ValueError(
                "Argument `targets` should be None or an int inside a `tf.function`, "
                "or an array where the number of images is known. Received: "
                f"{short_repr(targets)}"
            )
        classes = target_classes(targets, count or 1, self.frozen.num_classes)
        if count is None:
            classes = ops.repeat(classes, ops.shape(images)[0], axis=0)
        return self._explain_batch(images, others, classes, *options)

    def _explain_function(self, images, others, classes, size, options):
        """Explains a batch, as large as earlier ones if a graph is for one size."""
        if getattr(self, "_compiled_explain", None) is None:
            # A closure: a tf.function attribute would be written into exports.
            self._compiled_explain = backend.compiled_by_shape(
                lambda tensors, *options: self._explain_batch(*tensors, *options),
                self.variables,
            )
        count = len(images)
        images = ops.convert_to_tensor(images, "float32")
        others = [ops.convert_to_tensor(values) for values in others]
        if classes is not None:
            classes = ops.convert_to_tensor(classes, "int32")
        if size is not None:
            images, others, classes = keras.tree.map_structure(
                lambda x: x if x is None else backend.with_batch_of(x, size),
                (images, others, classes),
            )
        part = self._compiled_explain((images, others, classes), *options)
        if images.shape[0] == count:
            return part
        return [None if field is None else field[:count] for field in part]

    def _explain_batch(self, images, others, classes, *options):
        with self.frozen.given(others):
            return self._explain_images(images, classes, *options)

    def _explain_images(
        self, images, classes, top_k, refine_steps=0, mirrored=False, verify=False
    ):
        images = ops.cast(images, "float32")
        outputs = self.classifier_outputs(images)
        probabilities = self.frozen.probabilities(outputs["logits"])
        if classes is None:
            scores, classes = ops.top_k(probabilities, top_k)
            classes = ops.cast(classes, "int32")
            predicted = predicted_labels(probabilities, self.frozen.multi_label)
            is_target = ops.take_along_axis(predicted, classes, axis=1) > 0
        else:
            is_target = classes >= 0
            known = ops.maximum(classes, 0)
            scores = ops.take_along_axis(probabilities, known, axis=1)
            scores = ops.where(is_target, scores, 0.0)
        logits, relevance = self._chosen_logits(
            images, outputs, classes, refine_steps, mirrored
        )
        # Cells that agree would raise again what faded a little.
        fall = self.fall(outputs, ops.maximum(classes, 0))
        masks = ops.sigmoid(self.upsampled(logits, images) + fall)
        target_masks = ops.where(is_target[:, None, None], masks, 0.0)
        proof = None, None
        if verify:
            proof = verified_scores(self, self._classify, images, masks, classes)
        return Explanation(
            masks,
            classes,
            scores,
            ops.max(target_masks, axis=-1),
            probabilities,
            *proof,
            self.relevance(relevance, images),
        )

    def _chosen_logits(self, images, outputs, classes, refine_steps, mirrored):
        """Returns logits (N, h, w, K) of masks and of relevance, of classes (N, K)."""
        known = ops.maximum(classes, 0)
        logits = self.class_logits(images, outputs, known)
        if mirrored:
            turned = ops.flip(images, 2)
            turned_outputs = self.classifier_outputs(turned)
            others = self.class_logits(turned, turned_outputs, known)
            logits = (logits + ops.flip(others, 2)) / 2
        if refine_steps:
            wanted = classes >= 0
            logits = self.refined(logits, images, outputs, known, wanted, refine_steps)
        relevance = self.relevance_cells(logits, outputs, known)
        if mirrored:
            others = ops.flip(logits, 2)
            others = self.relevance_cells(others, turned_outputs, known)
            relevance = (relevance + ops.flip(others, 2)) / 2
        return logits, relevance

    def _classify(self, images):
        return self.frozen.probabilities(self.frozen.logits(images))


def _as_array(field):
    return None if field is None else ops.convert_to_numpy(field)
