#!/usr/bin/env bash
# Writes test/snapshots/glassTexts.json: what the Python package glassllm writes after each of 20 prompts, by itself.
set -euo pipefail
cd "$(dirname "$0")/.."
[ -d .cache/numpy ] || python3 -m pip install --quiet --target .cache/numpy numpy==2.4.6
package=$(node --import tsx -e "import('./examples/models/wheels.ts').then((m) => console.log(m.fetchWheel(m.GLASS)))")
PYTHONPATH=.cache/numpy python3 scripts/glassTexts.py "$package" 120 > test/snapshots/glassTexts.json
