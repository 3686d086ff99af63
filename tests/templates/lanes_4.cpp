// The kernel cases with 4 lanes.
#define NNC_LANES 4
#define NNC_FMA 1
#define NNC_TEST_NAMESPACE lanes_4
#define NNC_TEST_TARGET "sse4.2,fma"
#include "tests/templates/lanes.h"

void run_lanes_4(Report& report) {
  lanes_4::cases::run(report);
  lanes_4::cases::run_windows(report);
  lanes_4::cases::run_math(report);
  lanes_4::cases::run_doubles(report);
}
