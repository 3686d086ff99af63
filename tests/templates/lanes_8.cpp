// The kernel cases with 8 lanes.
#define NNC_LANES 8
#define NNC_FMA 1
#define NNC_TEST_NAMESPACE lanes_8
#define NNC_TEST_TARGET "avx2,fma"
#include "tests/templates/lanes.h"

void run_lanes_8(Report& report) {
  lanes_8::cases::run(report);
  lanes_8::cases::run_windows(report);
  lanes_8::cases::run_math(report);
  lanes_8::cases::run_doubles(report);
}
