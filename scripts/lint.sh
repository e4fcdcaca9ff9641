#!/usr/bin/env bash
# All checks that need no running program. It goes through all of them and fails at the end if one
# did.
set -uo pipefail
cd "$(dirname "$0")/.."
status=0

check() {
  local name=$1
  shift
  if "$@"; then echo "ok  $name"; else
    echo "FAIL  $name" >&2
    status=1
  fi
}

formatted() {
  local files
  files=$(go tool gofumpt -l .) || return
  [ -z "$files" ] && return
  echo "not as gofumpt writes it (go tool gofumpt -w . mends it):" >&2
  echo "$files" >&2
  return 1
}

# One look-up of a method by a name that is not constant keeps all methods of all clients in the
# binary (docs/performance.md).
reflection() {
  local dependencies
  dependencies=$(CGO_ENABLED=0 go build -trimpath -o /dev/null -ldflags=-dumpdep ./cmd/revokebot 2>&1) || return
  ! grep ReflectMethod <<<"$dependencies" >&2
}

check gofumpt formatted
check 'line widths' go run ./scripts/width
check 'go vet' go vet ./...
check staticcheck go tool staticcheck ./...
check 'no method is found by name' reflection
check 'go mod tidy' go mod tidy -diff
exit $status
