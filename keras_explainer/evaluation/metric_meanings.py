"""What each metric on the screen measures, and which values are good."""

METRIC_MEANINGS = {
    "iou": "overlap of the mask at 0.5 with the true one; 1 is perfect, the row all 1 "
    "shows what no mask at all reaches",
    "class_iou": "the same for the mask of each class by itself",
    "threshold_averaged_f1": "agreement with the true mask at 0.25, 0.5 and 0.75; 1 is "
    "perfect",
    "accuracy": "share of the pixels on the right side of 0.5; the row all 0 shows "
    "what background alone gives",
    "auc": "whether pixels of the object come before others; 0.5 is chance, 1 perfect",
    "pointing_game": "share of the images whose highest point is on the object",
    "saliency": "log of the area less log of the probability kept; below 0 the mask is "
    "better than the whole picture",
    "insertion": "mean probability while pixels appear in the order of the map; the "
    "row random shows chance",
    "deletion": "mean probability while they disappear in that order; random is chance",
    "drop": "share of the probability lost when the classifier sees the mask alone; 0 "
    "is best, random masks of the same area show chance",
    "class_discrimination_gap": "what a class's mask keeps of it less what masks of "
    "other classes keep; at 0 masks do not tell classes apart",
    "passes": "cost, in passes of the classifier for each image",
}
