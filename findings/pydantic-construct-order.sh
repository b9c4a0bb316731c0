#!/usr/bin/env bash
# pydantic 2.14.0: the order of fields in JSON is that of the instance, and a copy keeps the order of what it was copied from.
# Guess: fields are written in the order in which the class declares them, however the instance was made.
# Seen: `model_construct()` without values has the fields with defaults alone; `model_copy(update=…)` adds the others behind them, and
# `model_dump_json` writes them in that order. Two equal instances (`==` is true) have two texts, and two digests.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pydantic==2.14.0

"$folder/venv/bin/python" - <<'PYTHON'
from pydantic import BaseModel


class Trade(BaseModel):
    """A trade."""

    id: str
    version: int = 1
    price: int


values = {"id": "t1", "price": 200}
made = Trade(**values)
copied = Trade.model_construct().model_copy(update=values)
print("equal:", made == copied)
print(made.model_dump_json(), copied.model_dump_json(), sep="\n")
assert made == copied
assert made.model_dump_json() == '{"id":"t1","version":1,"price":200}'
assert copied.model_dump_json() == '{"version":1,"id":"t1","price":200}'
PYTHON
