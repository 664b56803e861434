#!/usr/bin/env bash
# One node: N shards of the problems at once, each on a GPU of its own, then one run of all in DIR/all.
#   scripts/cluster/shards.sh N DIR OVERRIDE...
# The same command continues what was stopped. TTC names another command than scripts/ttc.
set -euo pipefail
if (($# < 2)); then
    echo "usage: $0 N DIR OVERRIDE..., e.g. $0 8 outputs/beam strategy=beam budget=64" >&2
    exit 2
fi
ttc=${TTC:-$(dirname "$(readlink -f "$0")")/../ttc}
shards=$1 out=$2
shift 2
mkdir -p "$out"

pids=()
trap 'kill "${pids[@]}" 2>/dev/null; wait; exit 130' INT TERM HUP
for ((shard = 1; shard <= shards; shard++)); do
    CUDA_VISIBLE_DEVICES=$((shard - 1)) "$ttc" run "data.shard=$shard/$shards" "hydra.run.dir=$out/shard-$shard" \
        "store.path=$out/store.sqlite" "$@" >"$out/output-$shard.txt" 2>&1 &
    pids+=($!)
done

failed=0
for index in "${!pids[@]}"; do
    if ! wait "${pids[index]}"; then
        failed=1
        echo "shard $((index + 1)): $(tail -n 1 "$out/output-$((index + 1)).txt")" >&2
    fi
done
((failed == 0)) || exit 1
exec "$ttc" merge "$out"/shard-* --out "$out/all"
