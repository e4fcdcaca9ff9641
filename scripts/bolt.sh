#!/usr/bin/env bash
# Lets an app written with Bolt, Slack's own framework, use the sandbox's Slack stand-in, and looks
# whether all of it worked. Bolt comes from npm into out/bolt and is no part of the project.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in node npm; do
  command -v "$tool" >/dev/null || { echo "make bolt: $tool is missing: install Node.js 20 or later." >&2; exit 1; }
done
mkdir -p out/bolt
cp scripts/bolt/package.json scripts/bolt/*.mjs out/bolt/
(cd out/bolt && npm install --no-package-lock --no-audit --no-fund --ignore-scripts --loglevel=error)
cd out/bolt
node check.mjs "${1:-../../bin/revokebot-sandbox}"
