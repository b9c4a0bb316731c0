#!/usr/bin/env bash
# sdmx1 2.28.0 with pandas 3.1.1: all months of a year are January.
# Guess: `2026-M12`, a month as the standard (SDMX 2.1) writes it, is December; a text that pandas does not know raises, as
# `2026-W01` does.
# Seen: `to_pandas(…, datetime="TIME_PERIOD")` takes what stands behind the M for seconds: January is 1 January 2026, 0:00:01, December the
# same day, 0:00:12. With the frequency of the series given, to make periods, twelve months are twelve times `2026-01`, so a lookup
# of one month finds all, and sums by month are those of the year. The last third of a year, `2026-T3`, is March. `2026-12` and
# `2026-Q4` are right. Texts of months have to be changed before.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq sdmx1==2.28.0 pandas==3.1.1
"$folder/venv/bin/python" -W ignore - <<'PY'
from importlib import metadata
from io import BytesIO

import sdmx

BASE = "http://www.sdmx.org/resources/sdmxml/schemas/v2_1"
MESSAGE = """<?xml version="1.0" encoding="UTF-8"?>
<m:StructureSpecificData xmlns:m="{base}/message" xmlns:s="{base}/data/structurespecific" xmlns:c="{base}/common"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:n="urn:sdmx:prices">
  <m:Header>
    <m:ID>prices</m:ID><m:Test>false</m:Test><m:Prepared>2026-01-01T00:00:00</m:Prepared><m:Sender id="A"/>
    <m:Structure structureID="S" dimensionAtObservation="TIME_PERIOD">
      <c:Structure><Ref id="S" agencyID="A" version="1.0" class="DataStructure"/></c:Structure>
    </m:Structure>
  </m:Header>
  <m:DataSet s:structureRef="S" xsi:type="n:DataSetType" s:dataScope="DataStructure">
    <Series FREQ="{freq}" GOOD="wheat">{observations}</Series>
  </m:DataSet>
</m:StructureSpecificData>"""


def read(frequency, periods, **datetime):
    observations = "".join(f'<Obs TIME_PERIOD="{period}" OBS_VALUE="{index}"/>' for index, period in enumerate(periods))
    text = MESSAGE.format(base=BASE, freq=frequency, observations=observations)
    frame = sdmx.to_pandas(sdmx.read_sdmx(BytesIO(text.encode())), datetime={"dim": "TIME_PERIOD", **datetime})
    return [str(each) for each in (frame[0] if isinstance(frame, list) else frame).index]


print("sdmx1", metadata.version("sdmx1"), "pandas", metadata.version("pandas"))
months = [f"2026-M{month:02}" for month in range(1, 13)]
seen = {
    "times": read("M", months),
    "periods": read("M", months, freq="FREQ"),
    "thirds": read("T", ["2026-T1", "2026-T2", "2026-T3"]),
    "plain months": read("M", ["2026-01", "2026-12"], freq="FREQ"),
    "quarters": read("Q", ["2026-Q1", "2026-Q4"]),
}
for name, times in seen.items():
    print(f"{name}: {', '.join(times)}")
assert seen["times"] == [f"2026-01-01 00:00:{month:02}" for month in range(1, 13)]
assert seen["periods"] == ["2026-01"] * 12
assert seen["thirds"] == ["2026-01-01 00:00:00", "2026-02-01 00:00:00", "2026-03-01 00:00:00"]
assert seen["plain months"] == ["2026-01", "2026-12"]
assert seen["quarters"] == ["2026-01-01 00:00:00", "2026-10-01 00:00:00"]
PY
