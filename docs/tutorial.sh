#!/usr/bin/env bash
# Runs the commands of docs/tutorial.md as they stand, in an empty folder, and says how long each part took.
#
#   docs/tutorial.sh [PROGRAM]     PROGRAM: the binary; else `standings`, as the shell finds it
#
# ```sh        is run, and must end with 0
# ```sh page   is started, waited for until /readyz says yes, and stopped at the end of its part
# ```sql, json, text   must have been said by what was run before it
#
# The page's localhost:9092 and postgres://localhost/standings are where KAFKA_BROKERS and POSTGRES_URL say (`eval "$(deploy/services env)"`),
# in a database of its own; 8080 is a free port; topics get a number. So two runs do not meet, and nothing is left behind but topics.
set -euo pipefail

page=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/tutorial.md
program=$(command -v "${1:-standings}") || { echo "tutorial: no program ${1:-standings}; build it, and name it: docs/tutorial.sh target/release/standings" >&2; exit 2; }
program=$(realpath "$program")
: "${KAFKA_BROKERS:?tutorial: no Kafka; deploy/services up && eval \"\$(deploy/services env)\"}"
: "${POSTGRES_URL:?tutorial: no Postgres; deploy/services up && eval \"\$(deploy/services env)\"}"

work=$(mktemp -d)
database=tutorial_$$
running=
end() {
  [ -z "$running" ] || { kill "$running" 2> /dev/null || true; wait "$running" 2> /dev/null || true; }
  running=
}
clean() {
  end
  psql -q "$POSTGRES_URL" -c "DROP DATABASE IF EXISTS $database WITH (FORCE)" > /dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean EXIT

psql -q "$POSTGRES_URL" -c "CREATE DATABASE $database" > /dev/null
own=$(printf '%s' "$POSTGRES_URL" | sed -E "s,/[^/?]*(\?.*)?$,/$database\1,")
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
# What the page's names stand for here. A URL may hold what sed would read: / and &.
escaped() { printf '%s' "$1" | sed 's/[&\\|]/\\&/g'; }
here() {
  sed -e "s|localhost:9092|$(escaped "$KAFKA_BROKERS")|g" -e "s|postgres://localhost/standings|$(escaped "$own")|g" \
    -e "s|127\.0\.0\.1:8080|127.0.0.1:$port|g" -e "s|shop-orders|shop-orders-$$|g"
}

mkdir "$work/bin" "$work/blocks" "$work/folder"
ln -s "$program" "$work/bin/standings"
export PATH="$work/bin:$PATH" STANDINGS_LOG="${STANDINGS_LOG:-warn}"
# Each block a file: its number, its kind; a heading is a block of its own.
here < "$page" | awk -v dir="$work/blocks" '
  /^```/ && !inside { inside = 1; kind = substr($0, 4); gsub(" ", "-", kind); file = sprintf("%s/%03d.%s", dir, ++n, kind); printf "" > file; next }
  /^```/ { inside = 0; close(file); next }
  inside { print > file; next }
  /^## / { file = sprintf("%s/%03d.heading", dir, ++n); print substr($0, 4) > file; close(file) }'

cd "$work/folder"
said=$work/said
: > "$said"
title=; since=0; begun=$(date +%s%N)
seconds() { awk -v ns=$(($(date +%s%N) - $1)) 'BEGIN { printf "%.1f", ns / 1e9 }'; }
part() { if [ -n "$title" ]; then printf '%6s s  %s\n' "$(seconds "$since")" "$title"; fi; }
fail() { echo "tutorial: $1" >&2; echo "--- what was said:" >&2; tail -40 "$said" >&2; exit 1; }

for block in "$work"/blocks/*; do
  case $block in
    *.heading) part; end; title=$(cat "$block"); since=$(date +%s%N) ;;
    *.sh) bash -e "$block" >> "$said" 2>&1 || fail "this failed ($?), in “$title”: $(cat "$block")" ;;
    *.sh-page)
      bash -c "exec $(cat "$block")" >> "$said" 2>&1 &
      running=$!
      for _ in $(seq 300); do
        curl -sf "http://127.0.0.1:$port/readyz" > /dev/null && break
        kill -0 "$running" 2> /dev/null || fail "this ended, in “$title”: $(cat "$block")"
        sleep 0.1
      done
      curl -sf "http://127.0.0.1:$port/readyz" > /dev/null || fail "this was not ready after 30 s, in “$title”: $(cat "$block")" ;;
    *.sql | *.json | *.text)
      python3 -c 'import sys; sys.exit(open(sys.argv[1]).read() not in open(sys.argv[2]).read())' "$block" "$said" \
        || fail "the page shows this, in “$title”, and it was not said: $(cat "$block")" ;;
  esac
done
part
printf '%6s s  all\n' "$(seconds "$begun")"
