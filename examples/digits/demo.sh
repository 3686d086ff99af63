#!/usr/bin/env bash
# Trains the digits network with five seeds, compiles the first to C++, builds that with g++ and classifies the digits
# that were held out.   demo.sh NNC
set -euo pipefail
nnc=$(realpath "${1:?demo.sh NNC}")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(dirname "$nnc")/digits
mkdir -p "$out"
say() { printf '\n== %s\n' "$*"; }

say "Training a convolutional network on 1,438 handwritten digits, five times"
started=$(date +%s.%N)
for seed in 1 2 3 4 5; do
  "$nnc" train "$here/model.nn" --data "$here/digits.csv.gz:image:1x8x8=0:64,label=64" --hold-out 0.2 \
    --seed "$seed" --quiet --json "$out/log-$seed.jsonl" --held-out "$out/held-out-$seed.txt" -o "$out/digits-$seed.safetensors"
  tail -n 1 "$out/log-$seed.jsonl" | sed -E "s/.*\"loss\":([0-9.e-]+),\"metrics\":\{\"accuracy\":([0-9.e-]+).*/  seed $seed: loss \1, accuracy on the held-out fifth \2/"
done
finished=$(date +%s.%N)
awk -v seconds="$(awk "BEGIN { print $finished - $started }")" '
  { match($0, /"accuracy":[0-9.e-]+/); sum += substr($0, RSTART + 11, RLENGTH - 11) }
  END { printf "  mean accuracy of five seeds: %.2f %%, training took %.1f s\n", 100 * sum / NR, seconds }' \
  <(for seed in 1 2 3 4 5; do tail -n 1 "$out/log-$seed.jsonl"; done)

say "Compiling the network to standalone C++ and building it with g++"
cmake -S "$here" -B "$out/app" -DCMAKE_CXX_COMPILER=g++ -DNNC_EXECUTABLE="$nnc" \
  -DDIGITS_WEIGHTS="$out/digits-1.safetensors" >"$out/cmake.log"
cmake --build "$out/app" >>"$out/cmake.log" || { cat "$out/cmake.log" >&2; exit 1; }
echo "  $out/app/digits.nnc/digits.cpp"

say "Digits that it has not seen"
gunzip -c "$here/digits.csv.gz" >"$out/digits.csv"
"$out/app/classify" "$out/digits.csv" "$out/held-out-1.txt"
size "$out/app/libdigits.a" | awk 'NR == 2 { printf "code and weights of the network: %d bytes\n", $1 + $2 }'
stat -c 'weights: %s bytes' "$out/digits-1.safetensors"
