// The kernel cases with 16 lanes.
#define NNC_LANES 16
#define NNC_FMA 1
#define NNC_TEST_NAMESPACE lanes_16
#define NNC_TEST_TARGET "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"
#include "tests/templates/lanes.h"

void run_lanes_16(Report& report) {
  lanes_16::cases::run(report);
  lanes_16::cases::run_windows(report);
  lanes_16::cases::run_math(report);
  lanes_16::cases::run_doubles(report);
}
