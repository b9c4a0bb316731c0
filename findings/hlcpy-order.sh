#!/usr/bin/env bash
# hlcpy 0.0.2: a hybrid logical clock that is stored as its eight bytes can order two events the other way round.
# Guess: of two clocks the later one is still later once both were written and read; at worst the two are equal.
# Seen: the clock compares nanoseconds first and counts events at the same nanosecond; the bytes keep milliseconds, rounded up,
# and the count as it was. So the fourth event of one nanosecond is read back as later than the first of a nanosecond that
# follows: an effect before its cause. Nor do the bytes themselves sort, for they are little-endian. The text form, `str` and
# `HLC.from_str`, keeps the order.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq hlcpy==0.0.2
"$folder/venv/bin/python" - <<'PY'
from importlib import metadata

from hlcpy import HLC

print("hlcpy", metadata.version("hlcpy"))
cause, effect = HLC(1_000_000_100_000, 3), HLC(1_000_000_200_000, 0)
assert cause < effect
read = [HLC.from_bytes(each.to_bytes()) for each in (cause, effect)]
print("bytes:", *[each.tuple() for each in read], "in order:", read[0] < read[1])
assert read[1] < read[0]
told = [HLC.from_str(str(each)) for each in (cause, effect)]
print("text: ", *[each.tuple() for each in told], "in order:", told[0] < told[1])
assert told[0] < told[1]
later = HLC(cause.nanos + 256 * 10**6)
print("bytes of a clock a quarter of a second later sort behind:", cause.to_bytes() < later.to_bytes())
assert later.to_bytes() < cause.to_bytes()
PY
