"""A font for captions of any script, out of those that are installed."""

import functools
import unicodedata
import warnings

_FONT = "DejaVu Sans"  # comes with matplotlib
# Where several fonts have a letter, the first one here is taken.
_PREFERRED = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei"),
    *("PingFang SC", "Hiragino Sans GB", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei"),
    *("SimHei", "Noto Sans CJK JP", "Hiragino Sans", "Yu Gothic", "Malgun Gothic"),
    *("Apple SD Gothic Neo", "NanumGothic", "Noto Sans", "Arial Unicode MS"),
)
# Has a box for every letter there is, which tells nothing.
_LAST_RESORT = "Last Resort"
_told = set()


def caption_font(captions, size):
    """Finds fonts that have the letters of captions; warns once of those that none has.

    Args:
        captions: List of strings.
        size: number, in points.

    Returns:
        Tuple of the matplotlib `FontProperties` and the set of the letters that no
        font has.
    """
    from matplotlib.font_manager import FontProperties

    families, missing = _families(frozenset().union(*captions))
    if not missing <= _told:
        _told.update(missing)
        letters = "".join(sorted(missing))
        warnings.warn(
            f"No font that is installed has the letters {letters[:20]} of class names, "
            "which pictures show as ? or by the number of the class. Install one, such "
            "as Noto Sans CJK.",
            stacklevel=3,
        )
    return FontProperties(family=families, size=size), missing


def drawable(caption, missing, otherwise=""):
    """Returns what can be drawn of a caption.

    Args:
        caption: String.
        missing: set of the letters that no font has.
        otherwise: String to be drawn in place of a caption with such letters; "" to put
            ? in their place.

    Example:

    >>> drawable("\\u732b or cat", {"\\u732b"})
    '? or cat'
    >>> drawable("\\u732b or cat", {"\\u732b"}, "class 3")
    'class 3'
    """
    if otherwise and missing.intersection(caption):
        return otherwise
    letters = (letter for letter in caption if not _is_unseen(letter))
    return "".join("?" if letter in missing else letter for letter in letters)


def _is_unseen(letter):
    """Tells marks that order or join letters, which fonts need not have."""
    is_selector = "\ufe00" <= letter <= "\ufe0f"
    return (
        is_selector
        or unicodedata.category(letter) in ("Cf", "Cc", "Cs")
        and (not letter.isspace())
    )


@functools.lru_cache(maxsize=256)
def _families(letters):
    from matplotlib.font_manager import findfont
    from matplotlib.font_manager import fontManager

    missing = {x for x in letters if not x.isspace() and not _is_unseen(x)}
    missing -= _letters_of(findfont(_FONT))
    families = [_FONT]
    if missing:
        ranks = {name: rank for rank, name in enumerate(_PREFERRED)}
        plain = [
            font
            for font in fontManager.ttflist
            if font.style == "normal" and not font.name.startswith(_LAST_RESORT)
        ]
        plain.sort(key=lambda font: (ranks.get(font.name, len(ranks)), font.name))
        for font in plain:
            found = missing & _letters_of(font.fname)
            if found:
                families.append(font.name)
                missing -= found
            if not missing:
                break
    return families, frozenset(missing)


@functools.lru_cache(maxsize=1024)
def _letters_of(path):
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(map(chr, FT2Font(path).get_charmap()))
    except (OSError, RuntimeError):  # Gone since the list was made, or broken.
        return frozenset()
