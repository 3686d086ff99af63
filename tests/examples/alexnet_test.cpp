// AlexNet compiles, and has the number of parameters that was published.
#include "tests/examples/example.h"

namespace nnc {
namespace {

// The network in two groups, weights and biases by the sizes of the paper's figure 2:
//   (3·11²+1)·96 + (48·5²+1)·256 + (256·3²+1)·384 + (192·3²+1)·384 + (192·3²+1)·256
//   + (256·6²+1)·4096 + (4096+1)·4096 + (4096+1)·1000
constexpr std::int64_t kPublished = 60'965'224;

TEST_CASE("AlexNet has 60,965,224 parameters, for inference and for training") {
  const Example example("alexnet");
  for (const std::string mode : {"", "--train "}) {
    CAPTURE(mode);
    const Outcome outcome = example.folder().nnc("'" + example.program() + "' " + mode + "-o alexnet.cpp");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    CHECK(numbers_in_parameters(example.folder().read("alexnet.hpp")) == kPublished);
  }
}

}  // namespace
}  // namespace nnc
