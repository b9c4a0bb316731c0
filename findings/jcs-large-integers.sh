#!/usr/bin/env bash
# jcs 0.2.1, with rfc8785 0.1.4 and canonicaljson 2.0.0 beside it: two records whose balances differ by one have the same
# canonical bytes, and so the same digest.
# Guess: canonical JSON of Python integers keeps them, or refuses those beyond 2**53, for which the standard (RFC 8785) knows no number.
# Seen: jcs writes 2**53 + 1 as 9007199254740992 and 10**21 + 1 as 1e+21, and says nothing; rfc8785 raises IntegerDomainError;
# canonicaljson keeps every digit. A chain of digests over balances in millionths of a credit does not notice a change of the
# last digits, and the three do not agree on the digest of one record. Large amounts belong into texts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq jcs==0.2.1 rfc8785==0.1.4 canonicaljson==2.0.0
"$folder/venv/bin/python" - <<'PY'
from hashlib import sha256
from importlib import metadata

import canonicaljson
import jcs
import rfc8785

print(*[f"{each} {metadata.version(each)}" for each in ("jcs", "rfc8785", "canonicaljson")])
before, after = {"balance": 2**53}, {"balance": 2**53 + 1}
digests = [sha256(jcs.canonicalize(each)).hexdigest()[:12] for each in (before, after)]
print("jcs:", jcs.canonicalize(after), jcs.canonicalize(10**21 + 1), digests)
assert digests[0] == digests[1]
kept = canonicaljson.encode_canonical_json(after)
print("canonicaljson:", kept)
assert kept == b'{"balance":9007199254740993}'
try:
    raise SystemExit(f"rfc8785 wrote {rfc8785.dumps(after)}")
except rfc8785.IntegerDomainError as error:
    print("rfc8785:", error)
PY
