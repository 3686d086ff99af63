// The kernel cases with 1 lane.
#define NNC_LANES 1
#define NNC_FMA 1
#define NNC_TEST_NAMESPACE lanes_1
#define NNC_TEST_TARGET "fma"
#include "tests/templates/lanes.h"

void run_lanes_1(Report& report) {
  lanes_1::cases::run(report);
  lanes_1::cases::run_windows(report);
  lanes_1::cases::run_math(report);
  lanes_1::cases::run_doubles(report);
}
