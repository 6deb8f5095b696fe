#!/usr/bin/env bash
# usage: benches/count.sh [--check | --record] [PROGRAM…]
# Instructions that gene-vm executes for the programs in benches/programs, counted by callgrind:
# the same on every run, so that small differences show. Needs valgrind and a release build.
#   --check   fails if a program takes over 3 % more than benches/counts.txt says
#   --record  writes benches/counts.txt
set -euo pipefail
cd "$(dirname "$0")/.."
bin=${CARGO_TARGET_DIR:-target}/release
recorded=benches/counts.txt
mode=show
case ${1:-} in --check | --record) mode=${1#--}; shift ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

if [ $# -eq 0 ]; then set -- benches/programs/*.gene; fi
for source in "$@"; do
    name=$(basename "$source" .gene)
    "$bin/gene-compile" "$source" -o "$folder/$name.gir"
    valgrind --tool=callgrind --callgrind-out-file="$folder/$name.out" \
        "$bin/gene-vm" "$folder/$name.gir" >/dev/null 2>"$folder/log"
    count=$(sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$folder/log")
    printf '%-14s %13s\n' "$name" "${count:?valgrind failed: $(tail -1 "$folder/log")}"
done | tee "$folder/counts"

case $mode in
    record) cp "$folder/counts" "$recorded" ;;
    check) awk '
        NR == FNR { was[$1] = $2; next }
        !($1 in was) { print $1 " is not in the record: benches/count.sh --record"; bad = 1; next }
        $2 > was[$1] * 1.03 { printf "%s: %d instructions, %d recorded\n", $1, $2, was[$1]; bad = 1 }
        END { exit bad }' "$recorded" "$folder/counts" ;;
esac
