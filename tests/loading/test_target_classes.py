"""What is typed after --targets: the class that is meant, or a question."""

import pytest

from keras_explainer.command_line.command_error import UsageError
from keras_explainer.loading.target_classes import target_classes


@pytest.mark.parametrize(
    ("targets", "names", "expected"),
    [
        (["cardigan"], ["Cardigan", "cardigan", "crane"], [1]),
        (["Cardigan"], ["cardigan", "Cardigan", "crane"], [1]),
        (["CAT", "0"], ["dog", "cat"], [1, 0]),
        (["golden retriever"], ["golden_retriever", "cat"], [0]),
        (["T-Shirt"], ["cat", "t shirt"], [1]),
        (["stra\u00dfe"], ["cat", "STRASSE"], [1]),
        (["cafe\u0301"], ["cat", "caf\u00e9"], [1]),
        (["\u732b"], ["\u72ac", "\u732b"], [1]),
        # Numbers are names first: Keras sorts folders as text.
        (["2", "10"], ["0", "1", "10", "2"], [3, 2]),
        (["2"], ["a", "b", "c"], [2]),
        (["class 2"], ["class 0", "class 1", "class 2"], [2]),
        # Names with commas.
        (["corgi", "Cardigan", "cat"], ["cat", "Corgi, Cardigan"], [1, 0]),
        (["corgi", "cat"], ["corgi,cat", "cat", "corgi"], [0]),
    ],
)
def test_the_class_that_is_meant(targets, names, expected):
    assert target_classes(targets, names) == expected


@pytest.mark.parametrize(
    ("target", "names", "message"),
    [
        (
            "crane",
            ["crane", "dog", "crane"],
            r"should be an index where several classes have the name: 0 \(crane\), "
            r"2 \(crane\). Received: crane",
        ),
        (
            "CARDIGAN",
            ["Cardigan", "cardigan"],
            r"should be an index .*: 0 \(Cardigan\), 1 \(cardigan\). Received: CARD",
        ),
        ("t_shirt", ["t-shirt", "T Shirt"], r"0 \(t-shirt\), 1 \(T Shirt\)"),
        ("3", ["a", "b", "c"], "class indices from 0 to 2 or class names. Received: 3"),
        ("-1", ["a", "b", "c"], "from 0 to 2 or class names. Received: -1"),
        ("\u0662", ["a", "b", "c"], "from 0 to 2 or class names. Received: \u0662"),
        (
            "cardigen",
            ["dog", "Cardigan"],
            r"names \(such as Cardigan\). Received: card",
        ),
        ("9" * 5000, ["a"], "from 0 to 0 or class names. Received: 999"),
    ],
)
def test_what_no_class_or_several_are_called(target, names, message):
    with pytest.raises(UsageError, match=f"Argument --targets .*{message}"):
        target_classes([target], names)
