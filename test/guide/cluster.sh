#!/usr/bin/env bash
# cluster.sh PROGRAM: the program of docs/guide/cluster.md runs as three ranks as well, and with two agents
# that it starts itself.
set -euo pipefail
under_mpi=$(dirname "$0")/../mpi/under_mpi
"$under_mpi" ranks 3 "$1"
"$under_mpi" hosts 2 "$1"
