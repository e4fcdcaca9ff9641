#!/usr/bin/env bash
# Runs the tests, under the race detector where goroutines meet, and says at the end what it ran.
# Arguments go to go test; with a package among them, only what they name is tested, all of it under
# the race detector. RACE=1 does that for everything.
set -euo pipefail
cd "$(dirname "$0")/.."

scripts/need.sh

# The race detector makes a test five to twenty times as long. It is off in what decides, writes
# text or reads files, and in the timelines, which run the handlers' code. The handlers run once
# without it, and those of their tests in which goroutines meet once more with it
# (handlers/race_test.go). The programs that the tests of the browser and of the commands start have
# it on.
alone='approvals aws/contain cmd/internal/.* deploy handlers/?.* internal/.* sandbox/actors sandbox/incidents.*'
alone="($(echo "$alone scripts/.*" | tr ' ' '|'))\$"
everything=./... where='where goroutines meet'
for argument in "$@"; do
  case $argument in ./* | github.com/*) everything= where= ;; esac
done
[ -z "${RACE:-}" ] || where=
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
run() { go test -json -vet=off -timeout 30m -p "$programs" "$@" </dev/null || failed=1; }
race() { run -race "${plain[@]}" "$@"; }
module=$(go list -m)
{
  failed=
  if [ -z "$where" ]; then
    race "$@" $everything
  else
    # The crash test waits more than it computes: begun first, it is not left over to run alone.
    race "$@" ./sandbox/crash $(go list ./... | grep -vE "^$module/($alone|sandbox/crash\$)")
    case " $*" in *' -run'*) ;; *) race "$@" -run '^TestMeeting$' ./handlers ;; esac
    run "$@" ./handlers $(go list ./... | grep -E "^$module/$alone" | grep -v '/handlers$')
  fi
  [ -z "$failed" ]
} | bin/testreport ${where:+"$where"}
