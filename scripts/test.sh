#!/usr/bin/env bash
# Runs the tests with the race detector, and says at the end what it ran. Arguments go to go test;
# without a package among them, all packages are tested.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/need.sh

# The crash test waits more than it computes, and the handlers' tests are the longest: begun first,
# neither is left over to run alone.
everything="./sandbox/crash ./handlers ./..."
# The timelines compute: with the race detector they take four times as long, and find no more than
# the handlers' tests, which run the same code.
alone=./sandbox/incidents
for argument in "$@"; do
  case $argument in ./* | github.com/*) everything= alone= ;; esac
done
# One test program more than there are processors, for the one that waits.
programs=$(($(getconf _NPROCESSORS_ONLN) + 1))

mkdir -p bin
go build -o bin/testreport ./scripts/testreport
# -json is for the report alone: it prints what go test itself would have printed, and then the
# sums. The timeout is for what hangs: a busy machine may need many minutes. Vetting is the business
# of make lint. Memory is cheaper than the collector's time.
export GOGC=${GOGC:-600}
# What only computes, on one goroutine, is not looked at for races: a sixth of the time goes there
# otherwise.
plain=()
for library in github.com/yuin/gopher-lua golang.org/x/image image compress; do
  plain+=("-gcflags=$library/...=-race=false")
done
run() { go test -json -vet=off -timeout 30m -p "$programs" "$@" </dev/null; }
{
  failed=
  if [ -n "$everything" ]; then
    everything=$(go list $everything | grep -v "${alone#.}\$")
  fi
  run -race "${plain[@]}" "$@" $everything || failed=1
  [ -z "$alone" ] || run "$@" "$alone" || failed=1
  [ -z "$failed" ]
} | bin/testreport ${alone:+"but in $alone"}
