#!/usr/bin/env bash
# uuid7 0.1.0, with uuid6 2025.0.1 and uuid-utils 1.2.0 beside it: its ids say version 7, and lie 177 years ahead of everyone
# else's.
# Guess: an id with a 7 in the place of the version begins with Unix milliseconds, as the standard (RFC 9562) has it, so ids
# sort by time whoever made them.
# Seen: it follows an early draft, in which the first bits count seconds: read by the standard, an id made in 2026 is of the
# year 2203. It sorts behind all ids of other makers, for good, and no query by time finds it; version and variant are right,
# so no check tells them apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq uuid7==0.1.0 uuid6==2025.0.1 uuid-utils==1.2.0
"$folder/venv/bin/python" - <<'PY'
import time
import uuid
from datetime import datetime, timedelta, timezone
from importlib import metadata

import uuid6
import uuid_extensions
import uuid_utils


def made(name, make):
    """Return an id and the time that it says by the standard."""
    found = uuid.UUID(str(make()))
    assert (found.version, found.variant) == (7, uuid.RFC_4122), found
    at = datetime.fromtimestamp((found.int >> 80) / 1000, timezone.utc)
    print(f"{name:10} {metadata.version(name):9} {found} says {at:%Y-%m-%d}")
    return found, at


early, says = made("uuid7", uuid_extensions.uuid7)
time.sleep(0.01)
for name, make in (("uuid6", uuid6.uuid7), ("uuid-utils", uuid_utils.uuid7)):
    later, at = made(name, make)
    assert abs(at - datetime.now(timezone.utc)) < timedelta(minutes=1)
    assert later < early, "ids of different makers sort by time"
    assert says - at > timedelta(days=100 * 365)
PY
