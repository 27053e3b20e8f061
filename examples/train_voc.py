"""Trains an Explainer on PASCAL VOC and measures its masks: notebook 04 as one command.

    python examples/train_voc.py VOCdevkit --out runs/voc
    python examples/train_voc.py VOCdevkit --classifier mine.keras --classes cat,dog

Without --classifier a MobileNet with ImageNet's weights gets a new head first.
"""

import argparse
import pathlib

import keras

import keras_explainer as kx
from keras_explainer.evaluation import overlap_by_threshold


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("devkit", type=pathlib.Path, help="the unpacked VOCdevkit")
    parser.add_argument("--classifier", help=".keras file; its classes are --classes")
    parser.add_argument("--classes", help="A,B,C out of VOC's (default: all 20)")
    parser.add_argument("--epochs", type=int, default=10, help="default: %(default)s")
    parser.add_argument("--limit", type=int, help="only the first N images of a split")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("runs/voc"))
    args = parser.parse_args(arguments)
    classes = args.classes.split(",") if args.classes else kx.datasets.VOC_CLASSES

    if args.classifier:
        classifier = keras.saving.load_model(args.classifier, compile=False)
    else:
        classifier = new_classifier(len(classes))
    explainer = kx.ExplainerModel(classifier, multi_label=True, class_names=classes)

    def load(split, **options):
        return kx.datasets.voc(
            args.devkit,
            split,
            classes=classes,
            image_size=explainer.input_shape[1:3],
            preprocess_input=explainer.preprocessing,
            batch_size=16,
            limit=args.limit,
            **options,
        )

    train, measured = load("train", augment=True), load("val", masks=True)
    if not args.classifier:
        classifier.fit(train, epochs=5, verbose=2)
        # Anew, from the evidence of the head as it is now.
        explainer = kx.ExplainerModel(classifier, class_names=classes)
    print_quality(
        "Grad-CAM", kx.attribution.GradCAM(classifier, True).explain, measured
    )
    print_quality("Explainer, untrained", masks_of(explainer), measured)

    images, targets, _ = next(iter(measured))
    explainer.fit(
        train,
        validation_data=load("val"),
        epochs=args.epochs,
        callbacks=[
            kx.callbacks.MaskGallery(
                images[:4],
                args.out / "pictures",
                class_names=classes,
                targets=targets[:4].numpy(),
            ),
            keras.callbacks.ModelCheckpoint(args.out / "explainer.keras"),
        ],
        verbose=2,
    )
    print_quality("Explainer", masks_of(explainer), measured)
    print(f"See {args.out}")


def new_classifier(num_classes):
    body = keras.applications.MobileNet(
        include_top=False, pooling="avg", input_shape=(224, 224, 3)
    )
    body.trainable = False
    head = keras.layers.Dense(num_classes, activation="sigmoid")
    classifier = keras.Sequential([keras.Input((224, 224, 3)), body, head])
    classifier.compile("adam", "binary_crossentropy")
    return classifier


def masks_of(explainer):
    return lambda images, index: explainer.explain(images, index).masks[..., 0]


def print_quality(name, masks_for, measured):
    """Prints how well masks agree with the outlines, at the threshold 0.5."""
    count = len(measured.class_names)
    found = overlap_by_threshold(masks_for, measured, count, thresholds=[0.5])
    iou, class_iou = found["iou_at_half"], found["class_iou_at_half"]
    print(f"{name:22} IoU {iou:.3f}, class IoU {class_iou:.3f}", flush=True)


if __name__ == "__main__":
    main()
