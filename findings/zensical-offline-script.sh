#!/usr/bin/env bash
# zensical 0.0.73: the plugin for sites without a network puts a script of another place into every page.
# Guess: with the `offline` plugin, and without fonts, a built page loads nothing but its own files.
# Seen: the plugin adds `https://unpkg.com/iframe-worker/shim`, whose version is not named, to each page, and the search in a
# folder says that it is unavailable unless that script was loaded. Without the plugin no page refers to it. The strict build
# reports no issue. The npm package `iframe-worker` is the same script, and can be put beside the pages.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq zensical==0.0.73
for plugin in offline search; do
    mkdir -p "$folder/$plugin/docs"
    echo "# One page" >"$folder/$plugin/docs/index.md"
    printf '[project]\nsite_name = "pages"\n\n[project.theme]\nfont = false\n\n[project.plugins.%s]\n' "$plugin" \
        >"$folder/$plugin/zensical.toml"
    (cd "$folder/$plugin" && "$folder/venv/bin/zensical" build --strict) &>"$folder/$plugin/told"
    grep -q "No issues found" "$folder/$plugin/told"
done
"$folder/venv/bin/zensical" --version
loaded() { (grep -rhoE '<(script|link|img)[^>]*(src|href)="https?://[^"]+"' "$folder/$1/site" || true) | grep -oE 'https?://[^"]+' | sort -u || true; }
echo "offline loads: $(loaded offline)"
[ "$(loaded offline)" = "https://unpkg.com/iframe-worker/shim" ]
[ -z "$(loaded search)" ]
