import bisect


def fit_caption(name, score, width, measure, max_lines=3):
    """Breaks a caption into lines that fit, shortening the name but never the score.

    Args:
        name: String, what is shown; underscores count as spaces.
        score: String that follows the name on the last line, or "".
        width: number, the width of a line in the unit of `measure`.
        measure: Function from a string to its width.
        max_lines: int, the most lines. Defaults to 3.

    Returns:
        List of strings, at most `max_lines` of them, none wider than `width`. A score
        that alone is wider stands on its own line.

    Example:

    >>> fit_caption("Pembroke Welsh corgi", "0.93", 14, len)
    ['Pembroke Welsh', 'corgi 0.93']
    >>> fit_caption("Pembroke Welsh corgi", "0.93", 14, len, max_lines=1)
    ['Pembroke… 0.93']
    """
    name = " ".join(name.replace("_", " ").split())

    def lines_of(length):
        """Returns lines that fit, with so many letters of the name; None without."""
        shown = name if length == len(name) else name[:length].rstrip(" ,;-") + "…"
        words = shown.split()
        # A score reads best on the line of the last word, if that line has the room.
        for parts in ([*words[:-1], f"{words[-1]} {score}".strip()], [*words, score]):
            lines = _wrap(parts, width, measure)
            if len(lines) <= max_lines and all(measure(x) <= width for x in lines):
                return lines
        return None

    if not name:
        return [score] if score else []
    if whole := lines_of(len(name)):
        return whole
    # The longest part that fits is looked for by halves: measuring takes its time.
    longest = bisect.bisect(range(1, len(name)), 0, key=lambda n: lines_of(n) is None)
    return lines_of(longest) or ([score] if score else [])


def _wrap(words, width, measure):
    lines = []
    for word in words:
        if lines and measure(f"{lines[-1]} {word}") <= width:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines
