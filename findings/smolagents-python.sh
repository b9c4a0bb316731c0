#!/usr/bin/env bash
# smolagents 1.26.0: code that an agent writes runs in an interpreter that gives other results than Python, without an error.
# Guess: the local executor runs a subset of Python: what it does not know is an error, and the rest means what it means in Python.
# Seen: the `else` of `for` never runs; `[*bids, 9]` holds the list `bids` instead of its values; a property gives the
# method; a default list is new at each call. Other
# things, such as `match`, `yield` or `:=`, are errors, as guessed. An agent that computes its quotes so needs its answers checked.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq smolagents==1.26.0
"$folder/venv/bin/python" - <<'PY'
import ast
from importlib.metadata import version

from smolagents import LocalPythonExecutor

PROGRAMS = {
    "nobody sells": "said = 'sold'\nfor ask in [5, 6]:\n    if ask < 3:\n        break\nelse:\n    said = 'none'\nsaid",
    "all bids": "bids = [1, 2]\n[*bids, 9]",
    "a property": "class Trader:\n    @property\n    def limit(self):\n        return 3\nTrader().limit == 3",
    "a default list": "def note(price, seen=[]):\n    seen.append(price)\n    return seen\nnote(1)\nnote(2)",
}
REFUSED = ("match 1:\n    case 1:\n        found = 2\nfound", "(found := 2) + 1")


def by_python(code):
    """Return the value of the last expression."""
    *before, last = ast.parse(code).body
    names = {}
    exec(compile(ast.Module(before, []), "code", "exec"), names)
    return eval(compile(ast.Expression(last.value), "code", "eval"), names)


def by_executor(code):
    """Return the same from the executor."""
    executor = LocalPythonExecutor([])
    executor.send_tools({})
    return executor(code).output


def fails(code):
    """Say whether the executor refuses the code."""
    try:
        by_executor(code)
    except Exception as error:
        return "not supported" in str(error)
    return False


print("smolagents", version("smolagents"))
for name, code in PROGRAMS.items():
    print(f"{name}: Python {by_python(code)}, executor {by_executor(code)}")
assert [by_python(code) for code in PROGRAMS.values()] == ["none", [1, 2, 9], True, [1, 2]]
assert [by_executor(code) for code in PROGRAMS.values()] == ["sold", [[1, 2], 9], False, [2]]
assert all(fails(code) for code in REFUSED)
PY
