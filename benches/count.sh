#!/usr/bin/env bash
# usage: benches/count.sh [PROGRAM…]
# Instructions that gene-vm executes for the programs in benches/programs, counted by callgrind:
# the same on every run, so that small differences show. Needs valgrind and a release build.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/release
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if [ $# -eq 0 ]; then set -- benches/programs/*.gene; fi
printf '%-14s %16s\n' program instructions
for source in "$@"; do
    name=$(basename "$source" .gene)
    "$bin/gene-compile" "$source" -o "$folder/$name.gir"
    valgrind --tool=callgrind --callgrind-out-file="$folder/$name.out" \
        "$bin/gene-vm" "$folder/$name.gir" >/dev/null 2>"$folder/log"
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$folder/log")
    printf '%-14s %16s\n' "$name" "${count:?valgrind failed: $(tail -1 "$folder/log")}"
done
