#!/bin/sh
# Kernels of templates/ with both compilers and both vector widths, on one pinned core. An argument selects by name:
#   bench/run.sh gradient
set -e
root=$(cd "$(dirname "$0")/.." && pwd)
out=${NNC_BENCH_DIR:-$(mktemp -d)}
pin=""
command -v taskset > /dev/null && pin="taskset -c $(($(nproc) - 1))"
for width in 512 256; do
  if [ $width = 512 ] && ! grep -q avx512dq /proc/cpuinfo; then continue; fi
  for compiler in g++ clang++-19; do
    command -v $compiler > /dev/null || continue
    $compiler -std=c++17 -O2 -DNNC_BENCH_WIDTH=$width -I"$root/runtime" -I"$root/templates" \
      "$root/bench/kernels.cpp" -o "$out/kernels_${compiler}_$width"
    $pin "$out/kernels_${compiler}_$width" "$@"
  done
done
