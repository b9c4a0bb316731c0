#!/usr/bin/env bash
# eth-utils 6.0.0, py-algorand-sdk 2.12.0, xrpl-py 5.2.0, stellar-sdk 16.1.1: four rules for an amount finer than the ledger's smallest unit.
# Guess: money that the ledger cannot hold is refused, and the smallest unit itself is taken.
# Seen: eth-utils cuts off, so half a wei is 0 wei; algosdk rounds, half a microalgo down to 0 and one and a half up to 2; xrpl-py rounds seven
# decimals and refuses one drop, `1e-06`, as too small, if it is a float; stellar-sdk refuses, and writes its own smallest unit as `1E-7`,
# which no pattern of plain digits takes. Convert by integers, and check that the way back gives the same amount.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq eth-utils==6.0.0 py-algorand-sdk==2.12.0 xrpl-py==5.2.0 stellar-sdk==16.1.1
"$folder/venv/bin/python" - <<'PY'
from decimal import Decimal
from importlib.metadata import version

from algosdk.util import algos_to_microalgos
from eth_utils import to_wei
from stellar_sdk import Operation
from xrpl.utils import drops_to_xrp, xrp_to_drops

print({name: version(name) for name in ("eth-utils", "py-algorand-sdk", "xrpl-py", "stellar-sdk")})


def told(act):
    """Return what a conversion gives, or the name of its error."""
    try:
        return act()
    except Exception as error:
        return type(error).__name__


wei = [to_wei(Decimal(text), "ether") for text in ("0.0000000000000000005", "1.0000000000000000009")]
print("half a wei, and an ether with nine tenths of one:", *wei)
assert wei == [0, 10**18]
algos = [algos_to_microalgos(Decimal(text)) for text in ("0.0000005", "0.0000015", "1.1234567")]
print("half a microalgo, one and a half, seven decimals:", *algos)
assert algos == [0, 2, 1_123_457]
drops = [told(lambda: xrp_to_drops(value)) for value in (1.1234567, 1e-6, Decimal("0.000001"), drops_to_xrp("1"))]
print("seven decimals, one drop as a float, as a decimal, as it was read:", *drops)
assert drops == ["1123457", "XRPRangeException", "1", "1"]
stroops = [told(lambda: Operation.to_xdr_amount(text)) for text in ("0.0000001", "0.00000001")]
print("one stroop, a tenth of one:", *stroops, "- one stroop is written", Operation.from_xdr_amount(1))
assert stroops == [1, "ValueError"]
assert Operation.from_xdr_amount(1) == "1E-7"
PY
