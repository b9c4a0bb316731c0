#!/usr/bin/env bash
# genai-prices 0.2.3: what a run's tokens cost depends on whether its requests are priced one by one or as a sum.
# Guess: a price is so much for a million tokens, so usage can be added up, as `Usage` objects offer, and priced at the end.
# Seen: ten requests of 100 000 tokens to claude-sonnet-4-5, gemini-2.5-pro or gpt-5.4 cost half of what their sum costs: above a
# number of tokens these models have a dearer price, for all tokens of a request, and the sum is taken for one request.
# For gpt-5 both ways agree. Nothing tells which models have such steps: budgets of agents have to add up prices, not tokens.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq genai-prices==0.2.3
"$folder/venv/bin/python" - <<'PY'
from datetime import UTC, datetime
from importlib import metadata

from genai_prices import Usage, calc_price

print("genai-prices", metadata.version("genai-prices"))


def price(tokens, model):
    asked = datetime(2026, 11, 1, tzinfo=UTC)
    return calc_price(Usage(input_tokens=tokens), model_ref=model, genai_request_timestamp=asked).total_price


one = Usage(input_tokens=100_000)
assert sum((one for _ in range(9)), start=one).input_tokens == 1_000_000
for model, factor in (("claude-sonnet-4-5", 2), ("gemini-2.5-pro", 2), ("gpt-5.4", 2), ("gpt-5", 1)):
    each, together = 10 * price(100_000, model), price(1_000_000, model)
    print(f"{model}: ten requests {each}, their sum {together}")
    assert together == factor * each
PY
