#!/usr/bin/env bash
# aniso8601 10.0.1 with isodate 0.7.2 beside it: a month is 30 days, so monthly wages come twice in January and not on the first.
# Guess: `R13/2026-01-01/P1M` is the first of each month, thirteen times, or calendar durations are refused, for ISO 8601 does not give
# a month a number of days.
# Seen: the second wage is due on 31 January, the last of 2026 on 27 December, and thirteen fall into the year in place of twelve; a
# year of `P1Y` is 365 days. From 31 January the next date is 2 March. Durations of such texts lose the months at once, as a
# plain timedelta. isodate keeps them apart and says 1 February.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq aniso8601==10.0.1 isodate==0.7.2
"$folder/venv/bin/python" - <<'PY'
from datetime import date, timedelta
from importlib import metadata

import aniso8601
import isodate

print("aniso8601", metadata.version("aniso8601"), "isodate", metadata.version("isodate"))
wages = list(aniso8601.parse_repeating_interval("R13/2026-01-01/P1M"))
print("wages due:", *wages[:3], "...", wages[-1])
assert wages[1] == date(2026, 1, 31)
assert wages[-1] == date(2026, 12, 27)
assert {each.year for each in wages} == {2026}
assert aniso8601.parse_duration("P1Y") == timedelta(days=365)
assert aniso8601.parse_interval("2026-01-31/P1M")[1] == date(2026, 3, 2)

other = date(2026, 1, 1) + isodate.parse_duration("P1M")
print("a month after 1 January by isodate:", other)
assert other == date(2026, 2, 1)
PY
