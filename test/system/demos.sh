#!/usr/bin/env bash
# demos.sh FOLDER: the demos in the folder print what the Python programs they translate print.
set -euo pipefail
folder=$1
export MULTIPROCESSING_DEMO_SPEED=20 # random sleeps of at most half a second
pid='[0-9]+'

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    printf 'demos.sh: %s\nThe output was:\n' "$1" >&2
    cat "$out" >&2
    exit 1
}

# Runs a demo; its output goes into the file $out.
run() {
    out=$work/$1
    timeout 60 "$folder/$1" >"$out" 2>"$out.errors" || fail "$1 ended with code $?"
    [[ ! -s $out.errors ]] || fail "$1 printed on stderr: $(cat "$out.errors")"
}

# Line $1 matches $2.
line() {
    sed -n "$1p" "$out" | grep -Eqx "$2" || fail "line $1 is not: $2"
}

# Exactly $1 lines match $2.
count() {
    (($(grep -Ecx "$2" "$out") == $1)) || fail "not $1 times: $2"
}

# A line that matches $1 comes before one that matches $2.
before() {
    local first second
    first=$(grep -Enx -m1 "$1" "$out" | cut -d: -f1)
    second=$(grep -Enx -m1 "$2" "$out" | cut -d: -f1)
    [[ -n $first && -n $second ]] || fail "missing: $1, or: $2"
    ((first < second)) || fail "'$1' does not come before '$2'"
}

# The distinct process ids in the lines that match $1, one a line.
pids_in() {
    { grep -Ex "$1" "$out" || true; } | sed -E 's/.*[ (]([0-9]+)[^0-9]*$/\1/' | sort -u
}

run process
line 1 "Parent process $pid\."
line 2 'Child process will start\.'
line 3 "Run child process test \($pid\)\.\.\."
line 4 'Child process end\.'
count 4 '.*'
[[ $(pids_in "Parent process $pid\.") != $(pids_in 'Run child.*') ]] || fail "the child is the parent"

run pool
line 1 "Parent process $pid\."
line 2 "<class 'multiprocessing::pool'>"
count 1 'Waiting for all subprocesses done\.\.\.'
for task in 0 1 2 3 4; do
    count 1 "Run task $task \($pid\)"
    count 1 "Task $task runs [0-9]+\.[0-9]{2} seconds\."
    before "Run task $task \($pid\)" "Task $task runs .*"
    before "Task $task runs .*" 'All subprocesses done\.'
done
count 19 '.*' # each `Task ... runs` is followed by an empty line, as in Python
line 19 'All subprocesses done\.'
workers=$(pids_in "Run task [0-9] \($pid\)" | wc -l)
((workers >= 1 && workers <= 4)) || fail "$workers workers, at most 4 are allowed"
[[ $(pids_in 'Run task .*') != *"$(pids_in 'Parent process .*')"* ]] || fail "a task ran in the parent"

run queue
count 1 "Process to write: $pid\."
count 1 "Process to read: $pid\."
(($(pids_in "Process to (write|read): $pid\." | wc -l) == 2)) || fail "writer and reader are one process"
for value in A B C; do
    count 1 "Put $value to queue\.\.\."
    count 1 "Get $value from queue\."
    before "Put $value to queue\.\.\." "Get $value from queue\."
done
before 'Put A.*' 'Put B.*'
before 'Put B.*' 'Put C.*'
before 'Get A.*' 'Get B.*'
before 'Get B.*' 'Get C.*'
count 9 '.*'
line 9 'Process end\.'

echo "three demos print what they should"
