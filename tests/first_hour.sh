#!/usr/bin/env bash
# Follow the README as a new user: in a clean clone in a path with a space, with an empty home folder, as this user and,
# for root, also as nobody. Then start ten more times with other options. Every table must be complete.
#
# SEED=folder       a folder of another home with candle-ingest/influxd-…: saves the build of InfluxDB; the second
#                   user always takes what the first one has built
# OTHER_PYTHON=…    the interpreter for the other user, if the first one is in root's home
# STARTS=10         how many of the ten second starts
set -euo pipefail

repository=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$(mktemp -d "${TMPDIR:-/tmp}/first hour.XXXXXX")
chmod 755 "$work"
running=
trap finish EXIT

say() { printf '\n== %s\n' "$*"; }

fail() {
  printf 'FAILED: %s\n' "$*" >&2
  exit 1
}

# as USER COMMAND…: run it with an empty environment, except for what the network needs and for Rust's toolchains, which
# rustup keeps in the home folder of the user who installed them.
as() {
  local user=$1
  shift
  local -a kept=(PATH="$PATH" HOME="$work/$user/home" LANG=C.UTF-8 RUSTUP_HOME="${RUSTUP_HOME:-$HOME/.rustup}")
  local name
  for name in $(compgen -e | grep -E '^(https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|SSL_CERT_FILE|REQUESTS_CA_BUNDLE|PIP_.*|UV_.*|GO(PROXY|SUMDB|FLAGS|NOSUMDB))$'); do
    kept+=("$name=${!name}")
  done
  if [ "$user" = "$(id -un)" ]; then
    env -i "${kept[@]}" "$@"
  else
    setpriv --reuid="$user" --regid="$(id -g "$user")" --clear-groups env -i "${kept[@]}" "$@"
  fi
}

# clone USER: an empty home and a clean clone.
clone() {
  local user=$1
  mkdir -p "$work/$user/home/.cache"
  git clone --quiet --no-local "$repository" "$work/$user/candle ingest"
  if [ -n "${SEED:-}" ]; then cp -r "$SEED/candle-ingest" "$work/$user/home/.cache/"; fi
  chown -R "$user" "$work/$user"
}

# check_table FILE: every row of the table says Stored = Expected and Missing = 0; no traceback. On some days one of the
# simulated exchanges has an outage, which is accepted a day later: then the message must name the reason.
check_table() {
  ! grep -q Traceback "$1" || fail "a traceback in $1"
  ! grep -qE 'Candles are missing: .* silent: ' "$1" || return 0
  awk '$1 ~ /^[A-Z0-9]+\/[A-Z]+$/ { rows++; if ($2 != $3 || $5 != "0") bad++ } END { exit !(rows > 0 && !bad) }' "$1" ||
    fail "the table is not complete: $(cat "$1")"
}

# readme USER [make variables…]: the README's commands, and the one that `make run` prints for an existing minute.
readme() {
  local user=$1 said="$work/$1/said" command
  shift
  command=$(sed -n 's/^ *\$ \(make run .*\)/\1/p' "$repository/README.md" | head -1)
  [ -n "$command" ] || fail "README has no make run"
  say "$user: $command $*"
  cd "$work/$user/candle ingest"
  : >"$said"
  # shellcheck disable=SC2086 # README's words
  as "$user" $command "$@" >"$said" 2>&1 &
  local pid=$!
  running=$pid
  until grep -q '3\. Go live' "$said"; do
    kill -0 "$pid" 2>/dev/null || fail "make run ended: $(tail -5 "$said")"
    sleep 2
  done
  check_table "$said"
  second_terminal "$user" "$(sed -n 's/^.*2\. Terminal *//p' "$said")"
  second_terminal "$user" "$(sed -n 's/^ *\$ \(\. \|candle-ingest \)/\1/p' "$repository/README.md")"
  interrupt "$pid"
  wait "$pid" || true
  running=
  tail -1 "$said"
  cd /
}

# second_terminal USER COMMAND: what `make run` suggests, and what the README has.
second_terminal() {
  say "$1: $2"
  as "$1" bash -ec "$2" || fail "$2"
}

# interrupt PID: interrupt the first of its descendants that is the stack itself, as Ctrl-C does.
interrupt() {
  local pid
  for pid in $(descendants "$1"); do
    if tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -q 'dev.local_stack run'; then
      kill -INT "$pid"
      return
    fi
  done
}

descendants() {
  local child
  for child in $(ps -o pid= --ppid "$1" || true); do
    echo "$child"
    descendants "$child"
  done
}

# finish: on any end; the stack ends before its files are deleted.
finish() {
  if [ -n "$running" ]; then
    interrupt "$running"
    wait "$running" || true
  fi
  rm -rf "$work"
}

# second USER make variables…: one more start, to its end.
second() {
  local user=$1 said="$work/$1/said"
  shift
  say "$user: make run ONCE=1 $*"
  cd "$work/$user/candle ingest"
  as "$user" make run ONCE=1 "$@" >"$said" 2>&1 || grep -qE 'Candles are missing: .* silent: ' "$said" ||
    fail "exit status $?: $(tail -8 "$said")"
  check_table "$said"
  grep -E '^ [A-Z]+/' "$said"
  cd /
}

me=$(id -un)
clone "$me"
readme "$me"

count=0
while read -r options; do
  [ "$count" -lt "${STARTS:-10}" ] || break
  # shellcheck disable=SC2086 # several variables
  second "$me" $options </dev/null
  count=$((count + 1))
done <<'STARTS'
SYMBOLS=solusd BACKFILL=2_days_ago
SYMBOLS=solusd,btcusd BACKFILL=2_days_ago
SYMBOLS=btcusd BACKFILL=2_days_ago EXCHANGES=kraken,okx
SYMBOLS=btcusd BACKFILL=4_days_ago EXCHANGES=okx,bybit
SYMBOLS=btcusd BACKFILL=1_days_ago EXCHANGES=bitstamp
SYMBOLS=ethbtc BACKFILL=2_days_ago EXCHANGES=okx,bybit
SYMBOLS=btcusd BACKFILL=2_days_ago EXECUTOR=celery
SYMBOLS=ethusd BACKFILL=2_days_ago EXECUTOR=celery
SYMBOLS=ethusd BACKFILL=skip
SYMBOLS=btcusd,ethusd BACKFILL=3_days_ago EXCHANGES=binance,coinbaseexchange,kraken
STARTS

if [ "$(id -u)" = 0 ]; then
  SEED="$work/$me/home/.cache"
  clone nobody
  readme nobody ${OTHER_PYTHON:+PYTHON="$OTHER_PYTHON"}
fi
say "All tables are complete: README as $me$([ "$(id -u)" != 0 ] || echo ' and nobody'), $count second starts"
