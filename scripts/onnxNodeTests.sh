#!/usr/bin/env bash
# Installs ONNX's Python package into .cache/python and writes its node tests into .cache/onnx-1.23.2, which
# `npm run conformance` reads. Does nothing where they are there already.
set -euo pipefail
cd "$(dirname "$0")/.."
corpus=.cache/onnx-1.23.2
[ ! -d "$corpus" ] || exit 0
# The data are computed when they are written: every package that they depend on is pinned.
packages=(onnx==1.23.2 numpy==2.4.6 ml_dtypes==0.6.0 protobuf==7.36.2 typing_extensions==4.16.0)
mkdir -p .cache
if python3 -m venv .cache/python 2> /dev/null; then
  .cache/python/bin/python -m pip install --quiet "${packages[@]}"
  python=(.cache/python/bin/python)
else
  rm -rf .cache/python
  python3 -m pip install --quiet --target .cache/python "${packages[@]}"
  python=(env "PYTHONPATH=$PWD/.cache/python" python3)
fi
rm -rf "$corpus.part"
"${python[@]}" scripts/onnxNodeTests.py "$corpus.part"
# The table of operators comes from the same package; the committed one is compared with it.
"${python[@]}" scripts/onnxSchemas.py "$corpus.part/schemas.ts"
mv "$corpus.part" "$corpus"
