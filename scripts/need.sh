#!/usr/bin/env bash
# Makes sure that the tests have what they need besides Go: redis-server 7.0 or later, a Chromium
# and, on Linux, a C compiler for the race detector. What is missing is installed where that needs
# no questions: with apt-get on Debian and Ubuntu, as root or by sudo without a password, and with
# Homebrew on macOS. Everywhere else, one sentence says what to install and how.
set -euo pipefail

has() { command -v "$1" >/dev/null 2>&1; }

fail() {
  echo "make test: $*" >&2
  exit 1
}

browser() {
  local name
  # In the order in which chromedp looks for them.
  for name in headless_shell headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
    # On Ubuntu, chromium-browser may be a script that only asks to install the snap.
    if has "$name" && "$name" --version >/dev/null 2>&1 </dev/null; then return 0; fi
  done
  [ -x "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" ] ||
    [ -x /Applications/Chromium.app/Contents/MacOS/Chromium ]
}

# The store's scripts need Redis 7.0. The version is printed as "Redis server v=7.0.15 sha=…".
redis() {
  has redis-server || return 1
  local version
  version=$(redis-server --version | sed -n 's/.* v=\([0-9]*\).*/\1/p')
  [ "${version:-0}" -ge 7 ]
}

compiler() {
  [ "$(uname -s)" = Darwin ] || has "$(go env CC | cut -d ' ' -f 1)"
}

# as_root runs a command as root, or fails without asking for anything.
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

can_be_root() { [ "$(id -u)" = 0 ] || { has sudo && sudo -n true 2>/dev/null; }; }

apt_updated=
apt_install() {
  if [ -z "$apt_updated" ]; then
    as_root apt-get update -qq </dev/null
    apt_updated=yes
  fi
  # The package of Redis may start its service; the tests start servers of their own, on free ports,
  # all the same.
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >/dev/null
}

# ubuntu_browser: Ubuntu has Chromium as a snap only, which containers cannot run. There, Chrome's
# own package is taken.
ubuntu_browser() {
  local file
  if has snap && as_root snap install chromium </dev/null; then return; fi
  [ "$(dpkg --print-architecture)" = amd64 ] ||
    fail "a Chromium is missing and Ubuntu has none for this machine outside of snap:" \
      "install the snap chromium, then run make test again."
  apt_install ca-certificates curl
  file=$(mktemp -d)/google-chrome.deb
  curl -fsSL -o "$file" https://dl.google.com/linux/direct/google-chrome-stable_current_amd64.deb
  chmod 755 "$(dirname "$file")"
  apt_install "$file"
  rm -rf "$(dirname "$file")"
}

apt_missing() {
  compiler || apt_install gcc libc6-dev
  redis || apt_install redis-server
  if ! browser; then
    if grep -qi '^ID=ubuntu' /etc/os-release; then ubuntu_browser; else apt_install chromium; fi
  fi
}

brew_missing() {
  redis || brew install --quiet redis </dev/null
  browser || brew install --quiet --cask google-chrome </dev/null
}

missing() {
  local list=()
  compiler || list+=("a C compiler")
  redis || list+=("redis-server 7.0 or later")
  browser || list+=("Chromium")
  [ ${#list[@]} = 0 ] || (IFS=, && echo "${list[*]}" | sed 's/,/, /g')
}

has go || fail "Go is missing: install it from https://go.dev/dl/ and put it on the PATH."
what=$(missing)
[ -n "$what" ] || exit 0

if has apt-get && can_be_root; then
  echo "make test: installing $what with apt-get" >&2
  apt_missing
elif [ "$(uname -s)" = Darwin ] && has brew; then
  echo "make test: installing $what with Homebrew" >&2
  brew_missing
elif has apt-get; then
  fail "missing: $what. As root: apt-get update && apt-get install gcc libc6-dev redis-server chromium." \
    "Then run make test again."
elif [ "$(uname -s)" = Darwin ]; then
  fail "missing: $what. Install Homebrew (https://brew.sh), then:" \
    "brew install redis && brew install --cask google-chrome. Then run make test again."
else
  fail "missing: $what. Install them with the system's package manager" \
    "so that redis-server, chromium and cc are on the PATH. Then run make test again."
fi
what=$(missing)
[ -z "$what" ] || fail "still missing after the installation: $what." \
  "Install them by hand so that redis-server, chromium and cc are on the PATH."
