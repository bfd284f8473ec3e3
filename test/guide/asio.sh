#!/usr/bin/env bash
# asio.sh PROGRAM: the server of docs/guide/asio.md answers many clients at once, and a request that crashes
# its worker costs its own client an answer of 500 and nobody else anything.
set -euo pipefail
program=$1

work=$(mktemp -d)
coproc SERVER { exec "$program" 0 2>"$work/errors"; }
server=$SERVER_PID
trap 'kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT

fail() {
    echo "asio.sh: $*" >&2
    cat "$work/errors" >&2
    exit 1
}

read -r -t 60 port <&"${SERVER[0]}" || fail "the server does not say its port"
url=http://127.0.0.1:$port

# ask NAME PATH: the body goes to NAME.body, the status to NAME.status.
ask() {
    curl --silent --max-time 100 --output "$work/$1.body" --write-out '%{http_code}' "$url$2" >"$work/$1.status"
}
# expect NAME STATUS TEXT
expect() {
    [[ $(cat "$work/$1.status") == "$2" ]] || fail "request $1 got $(cat "$work/$1.status") instead of $2"
    grep -q -- "$3" "$work/$1.body" || fail "request $1 got '$(cat "$work/$1.body")', without '$3'"
}

# All at once, and every fifth one crashes.
clients=()
for ((i = 0; i != 40; ++i)); do
    path=/primes/1000
    if ((i % 5 == 0)); then
        path=/crash
    fi
    ask "$i" "$path" &
    clients+=($!)
done
for client in "${clients[@]}"; do
    wait "$client" || fail "a client got no answer"
done
for ((i = 0; i != 40; ++i)); do
    if ((i % 5 == 0)); then
        expect "$i" 500 'was killed by SIGABRT while running answer'
    else
        expect "$i" 200 '^168$'
    fi
done

# One connection for several requests, a crash among them.
curl --silent --max-time 100 "$url/primes/10" "$url/crash" "$url/primes/100" >"$work/several" ||
    fail "a connection does not outlive a crash"
[[ $(head -1 "$work/several") == 4 && $(tail -1 "$work/several") == 25 ]] || fail "got $(cat "$work/several")"
ask nothing /nothing
expect nothing 500 'there is nothing at /nothing'

kill -TERM "$server"
wait "$server" || fail "the server ended with $?"
echo "41 clients answered, 9 crashes"
