#!/usr/bin/env bash
# opentelemetry-sdk 1.45.2 (Python) and @opentelemetry/sdk-trace-base 2.12.1 (JavaScript): samplers by the ratio of trace ids,
# with the same ratio, keep different traces.
# Guess: `TraceIdRatioBased(0.1)` decides by the trace id alone so that all services of one trace decide the same.
# Seen: of 10 000 ids Python keeps 972 and JavaScript 1 043, and only 103 are kept by both: Python compares the last 64 bits
# with a bound, JavaScript folds all 128 bits into 32. A service and a page that sample on their own show broken traces; the
# decision must travel with the trace (the flag of `traceparent`), or be made by one rule of one's own.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install -qq opentelemetry-sdk==1.45.2
npm install --silent --no-audit --no-fund @opentelemetry/api@1.9.0 @opentelemetry/sdk-trace-base@2.12.1 >npm.log
venv/bin/python - <<'PY'
import json
from hashlib import blake2b
from pathlib import Path

from opentelemetry.sdk.trace.sampling import Decision, TraceIdRatioBased

ids = [blake2b(str(number).encode(), digest_size=16).hexdigest() for number in range(10_000)]
sampler = TraceIdRatioBased(0.1)
kept = [each for each in ids if sampler.should_sample(None, int(each, 16), "x").decision is Decision.RECORD_AND_SAMPLE]
Path("ids.json").write_text(json.dumps({"ids": ids, "kept": kept}))
PY
cat >compare.cjs <<'JS'
const { SamplingDecision, TraceIdRatioBasedSampler } = require("@opentelemetry/sdk-trace-base");
const { ids, kept } = require("./ids.json");
const sampler = new TraceIdRatioBasedSampler(0.1);
const ours = ids.filter((id) => sampler.shouldSample(undefined, id).decision === SamplingDecision.RECORD_AND_SAMPLED);
const both = ours.filter((id) => kept.includes(id)).length;
console.log(`Python keeps ${kept.length}, JavaScript ${ours.length}, both ${both}`);
process.exit(kept.length === 972 && ours.length === 1043 && both === 103 ? 0 : 1);
JS
node compare.cjs
