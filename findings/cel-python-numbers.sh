#!/usr/bin/env bash
# cel-python 0.5.0: a price of 2.0 cannot be compared for equality with 2, one of 2.5 can be compared with 2, one of 2 not with 2.5.
# Guess: numbers compare across types, as the language's definition has said since 2022 (`1 == 1.0` is true), or comparisons of
# mixed types are all errors, as before; in any case both directions alike.
# Seen: a float beside an integer constant works for <, <=, > and >=, and is an error for == and !=; an integer beside a constant with
# a decimal point is an error for all six; `2.0 in [1, 2, 3]` and `2 in [1.0, 2.0]` are errors. JSON's 2 and 2.0 come as different
# types, so a filter of events works until a producer writes a whole price without its fraction.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq cel-python==0.5.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import celpy

ORDER, EQUALITY = ("<", "<=", ">", ">="), ("==", "!=")


def ask(expression, price):
    """Return what an expression says of a price that came as JSON, or the name of the error."""
    environment = celpy.Environment()
    try:
        said = environment.program(environment.compile(expression)).evaluate({"price": celpy.json_to_cel(price)})
    except celpy.CELEvalError as error:
        return type(error).__name__
    return bool(said)


print("cel-python", version("cel-python"))
for price, constant in ((2.5, "2"), (2.0, "2"), (2, "2.5"), (2, "2.0")):
    print(price, {f"{sign} {constant}": ask(f"price {sign} {constant}", price) for sign in ORDER + EQUALITY})
assert [ask(f"price {sign} 2", 2.5) for sign in ORDER] == [False, False, True, True]
assert {ask(f"price {sign} 2", 2.0) for sign in EQUALITY} == {"CELEvalError"}
assert {ask(f"price {sign} 2.5", 2) for sign in ORDER + EQUALITY} == {"CELEvalError"}
assert [ask("price in [1, 2, 3]", 2.0), ask("price in [1.0, 2.0]", 2)] == ["CELEvalError"] * 2
assert [ask("price == 2", 2), ask("price == 2.0", 2.0)] == [True, True]
PY
