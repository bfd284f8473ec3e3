#!/usr/bin/env bash
# crc.sh PROGRAM [FOLDER]: the program's checksums of all files below the folder are those of cksum.
set -euo pipefail
program=$1
folder=${2:-/usr/include}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find "$folder" -type f -print0 | xargs -0 --no-run-if-empty cksum | LC_ALL=C sort >"$work/expected"
"$program" "$folder" | LC_ALL=C sort >"$work/found"

if [[ ! -s $work/expected ]]; then
    echo "crc.sh: there is no file below $folder" >&2
    exit 1
fi
diff "$work/expected" "$work/found"
echo "$(wc -l <"$work/found") files agree with cksum"
