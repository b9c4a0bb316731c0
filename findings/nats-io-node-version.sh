#!/usr/bin/env bash
# @nats-io/transport-node 3.4.0, @nats-io/nuid 3.0.0: the client says that Node 18 is enough, and brings a package that wants Node 22.
# Guess: the `engines` of a package hold for what it depends on, so that a project on Node 20 installs without a warning.
# Seen: transport-node declares `>= 18.0.0`, its dependency nuid `>= 22.x`. npm warns of it on Node 20 and installs; with
# `engine-strict=true` the same installation ends with EBADENGINE. The client itself runs on Node 20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{ "private": true }' >package.json
npm install --silent --ignore-scripts --no-audit --no-fund @nats-io/transport-node@3.4.0 @nats-io/nuid@3.0.0

node - <<'JS'
const assert = require("node:assert");
const read = (name) => require(`${process.cwd()}/node_modules/@nats-io/${name}/package.json`);
const [client, core, nuid] = ["transport-node", "nats-core", "nuid"].map(read);
for (const each of [client, nuid]) console.log(`${each.name} ${each.version} declares node ${each.engines.node}`);
console.log(`node here: ${process.version}`);
assert.strictEqual(client.engines.node, ">= 18.0.0");
assert.strictEqual(nuid.engines.node, ">= 22.x");
assert.ok("@nats-io/nuid" in { ...client.dependencies, ...core.dependencies }, "nuid is no dependency any more");
JS

major=$(node -p 'process.versions.node.split(".")[0]')
if [ "$major" -lt 22 ]; then
  rm -rf node_modules package-lock.json
  if npm install --ignore-scripts --no-audit --no-fund --engine-strict @nats-io/transport-node@3.4.0 >log 2>&1; then
    echo "the strict installation ended well"
    exit 1
  fi
  echo "strict installation: $(grep -m1 -o 'EBADENGINE' log)"
fi
