#!/usr/bin/env bash
# Runs the tests with the race detector, and says at the end what it ran. Arguments go to go test; without a package
# among them, all packages are tested.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/need.sh

everything=./...
for argument in "$@"; do
  case $argument in ./* | github.com/*) everything= ;; esac
done

mkdir -p bin
go build -o bin/testreport ./scripts/testreport
# -json is for the report alone: it prints what go test itself would have printed, and then the sums.
# Vetting is the business of make lint. Memory is cheaper than the collector's time.
export GOGC=${GOGC:-300}
go test -json -race -vet=off -timeout 8m "$@" $everything </dev/null | bin/testreport
