#!/usr/bin/env bash
# simplefix 1.0.17: times that know their zone are written into FIX messages with the zone dropped or replaced.
# Guess: `append_utc_timestamp` turns a time with a zone into UTC, `append_tz_timestamp` writes its offset; or either refuses
# it.
# Seen: noon at +05:00 goes out as noon UTC, five hours wrong; and where the machine runs on UTC the field made for time
# zones says noon Z for it. So a time is turned into UTC before it is handed over.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq simplefix==1.0.17
TZ=UTC "$folder/venv/bin/python" - <<'PY'
from datetime import datetime, timedelta, timezone
from importlib import metadata

import simplefix

print("simplefix", metadata.version("simplefix"))
noon = datetime(2026, 1, 5, 12, tzinfo=timezone(timedelta(hours=5)))
message = simplefix.FixMessage()
message.append_utc_timestamp(52, noon)  # SendingTime
message.append_tz_timestamp(1132, noon)  # TZTransactTime
sent, traded = message.get(52).decode(), message.get(1132).decode()

print(noon.isoformat(), "-> UTCTimestamp", sent, "and TZTimestamp", traded)
assert noon.astimezone(timezone.utc).hour == 7
assert sent == "20260105-12:00:00.000", sent
assert traded == "20260105-12:00:00.000Z", traded
PY
