#!/usr/bin/env bash
# nats-py 2.16.0, aiohttp 3.14.1: every process that imports nats imports all of aiohttp too, if it happens to be installed.
# Guess: an HTTP client that something else needs costs only the processes that speak HTTP; nats would load it for an address
# that begins with ws:// or wss://.
# Seen: `import nats` loads aiohttp at once, whatever the address: 332 modules in place of 228, and nearly twice the processor
# time. Without aiohttp nothing is missed. So a service that should start fast keeps an HTTP client in an extra.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"

modules() {
    "$folder/venv/bin/python" -c 'import nats, sys; print(len(sys.modules), "aiohttp" in sys.modules)'
}

"$folder/venv/bin/pip" install -qq nats-py==2.16.0
read -r before loaded < <(modules)
echo "without aiohttp: $before modules"
[ "$loaded" = False ]

"$folder/venv/bin/pip" install -qq aiohttp==3.14.1
read -r after loaded < <(modules)
echo "with aiohttp: $after modules"
[ "$loaded" = True ]
[ $((after - before)) -gt 50 ]
