#!/usr/bin/env bash
# pydantic-ai-slim 2.68.0: a tool call whose arguments are no JSON looks like one with an argument INVALID_JSON.
# Guess: `ToolCallPart.args_as_json_str()` gives the text that the model wrote, and `args_as_dict()` raises if it is no JSON.
# Seen: both wrap it, `{"INVALID_JSON": "{a"}`, and text that is JSON comes back with other spaces. `part.args` alone has the
# model's own text. So whoever records or checks what a model said reads `args`.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq pydantic-ai-slim==2.68.0
"$folder/venv/bin/python" - <<'PY'
from pydantic_ai.messages import ToolCallPart

broken, spaced = ToolCallPart("buy", "{a"), ToolCallPart("buy", '{"n":  2}')
print(broken.args_as_json_str(), broken.args_as_dict(), spaced.args_as_json_str(), broken.args)

assert broken.args_as_dict() == {"INVALID_JSON": "{a"}
assert "INVALID_JSON" in broken.args_as_json_str()
assert spaced.args_as_json_str() != spaced.args
assert broken.args == "{a"
PY
