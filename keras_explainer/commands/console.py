"""Where the commands print: plain text that is never taken for markup."""

from rich.console import Console

console = Console(markup=False, emoji=False, highlight=False, soft_wrap=True)
