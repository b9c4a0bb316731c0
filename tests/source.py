"""What the tests that read econsim's own source share: modules, imports and findings."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "src" / "econsim"


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: where, what, and what to do instead."""

    where: str
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.remedy}"


@dataclass(frozen=True)
class Module:
    """One file of source, parsed."""

    path: str
    """Relative to the repository's root."""
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        """Dotted name below econsim: `domain.ledger`; empty for econsim itself."""
        parts = Path(self.path).with_suffix("").parts
        return ".".join(part for part in parts[2:] if part != "__init__")

    def finding(self, node: ast.AST | int, what: str, remedy: str) -> Finding:
        line = node if isinstance(node, int) else getattr(node, "lineno", 1)
        return Finding(f"{self.path}:{line}", what, remedy)


def module(text: str, path: str = "src/econsim/domain/example.py") -> Module:
    """Parse a piece of source as if it were the file at `path`."""
    return Module(path, text, ast.parse(text, path))


@cache
def package() -> tuple[Module, ...]:
    """Every module of econsim."""
    files = sorted(PACKAGE.rglob("*.py"))
    return tuple(module(file.read_text(), str(file.relative_to(ROOT))) for file in files)


def imports(source: Module) -> Iterator[tuple[ast.stmt, str]]:
    """Yield every import as (statement, dotted name), wherever in the file it stands."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node, f"{node.module}.{alias.name}") for alias in node.names)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of attributes, else an empty string."""
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return node.id if isinstance(node, ast.Name) else ""


def documentation(tree: ast.AST) -> set[int]:
    """Return the ids of string nodes that are docstrings of anything."""
    lone = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {id(value) for value in lone if isinstance(value, ast.Constant)}


def tracked_texts() -> Iterator[tuple[str, str]]:
    """Yield (path, text) of every text file of the repository that is tracked."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False, text=True)
    for name in filter(None, listing.stdout.split("\0")):
        try:
            yield name, (ROOT / name).read_text()
        except (UnicodeDecodeError, FileNotFoundError):
            continue


def report(findings: list[Finding]) -> str:
    """Return findings one to a line, as an assertion's message."""
    return "\n" + "\n".join(map(str, findings))
