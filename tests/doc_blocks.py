"""The blocks of code of the documentation, and the commands in them as a reader types them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[1]
PAGES = tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]))
FENCE = re.compile(
    r"^(?:<!-- file: (?P<file>\S+) -->\n)?(?P<indent> *)```(?P<language>\w*)\n(?P<text>.*?)^(?P=indent)```$",
    re.DOTALL | re.MULTILINE,
)
PROMPT = "$ "


@dataclass(frozen=True)
class Block:
    """One block of code on a page."""

    page: str
    """Path of the page, from the root of the repository."""
    line: int
    """Of its opening fence."""
    language: str
    text: str
    file: str
    """The file that it shows whole, or nothing."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Typed:
    """A command, what stands behind it as a remark, and what the page says that it prints."""

    text: str
    shown: str

    @property
    def words(self) -> list[str]:
        """The command's words, without its remark."""
        return shlex.split(self.text, comments=True)

    @property
    def goes_on(self) -> bool:
        """Whether it goes on in a terminal of its own, while the commands below it are typed in another."""
        return "# in one terminal" in self.text


@cache
def blocks() -> tuple[Block, ...]:
    """Return every block of every page, in page order."""
    return tuple(
        block for page in PAGES for block in blocks_of(page.read_text(), str(page.relative_to(ROOT)))
    )


def blocks_of(text: str, page: str) -> Iterator[Block]:
    """Yield the blocks of a page."""
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start("indent")) + 1
        yield Block(page, line, found["language"], dedent(found["text"]), found["file"] or "")


def commands(block: Block) -> Iterator[Typed]:
    """Yield the commands of a block; one whose quotes are open goes on in the next line."""
    text, shown = "", ""
    for line in block.text.splitlines(keepends=True):
        if line.startswith(PROMPT):
            if text:
                yield Typed(text, shown)
            text, shown = line.removeprefix(PROMPT), ""
        elif is_open(text):
            text += line
        else:
            shown += line
    if text:
        yield Typed(text, shown)


def is_open(text: str) -> bool:
    """Tell whether a quote in this command is not closed yet."""
    try:
        shlex.split(text, comments=True)
    except ValueError:
        return True
    return False
