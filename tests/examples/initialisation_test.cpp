// The initialisation experiment, against the same network in NumPy; its pictures are what the command draws.
#include <nlohmann/json.hpp>

#include "tests/examples/example.h"

namespace nnc {
namespace {

// The standard deviations of the ten layers' outputs over all digits, in the mean of eight draws of the weights.
// NumPy 2.4, with std = 0.01; 1; sqrt(2 / (i + o)); sqrt(2 / i), where i and o are the columns and rows:
//   X = (digits - 4.884) / 6.017
//   for layer in range(10): X = f(X @ (std * default_rng(seed).standard_normal((500, X.shape[1]))).T); X.std()
struct Law {
  const char* name;
  const char* settings;
  std::vector<double> deviations;
  double tolerance;  // about three times the deviation from draw to draw, relative
};

const std::vector<Law>& laws() {
  static const std::vector<Law> all = {
      {"small",
       "--set init=small_normal",
       {0.07827, 0.01721, 0.003848, 0.0008642, 0.0001921, 4.255e-05, 9.535e-06, 2.143e-06, 4.79e-07, 1.073e-07},
       0.13},
      {"large",
       "--set init=large_normal",
       {0.948, 0.9805, 0.9815, 0.9817, 0.9816, 0.9816, 0.9816, 0.9817, 0.9817, 0.9817},
       0.004},
      {"xavier",
       "--set init=xavier_normal",
       {0.3973, 0.3453, 0.3122, 0.2877, 0.2662, 0.2478, 0.2349, 0.2241, 0.2141, 0.2056},
       0.1},
      {"he",
       "--set init=he_normal --set activation=relu",
       {0.8168, 0.8124, 0.8108, 0.816, 0.8169, 0.8294, 0.8181, 0.808, 0.8099, 0.8052},
       0.35},
  };
  return all;
}

constexpr const char* kData = NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:image=0:64";

TEST_CASE("initial weights: small ones make activations vanish, large ones saturate, Xavier's and He's keep them") {
  const Example example("initialisation");
  for (const Law& law : laws()) {
    CAPTURE(law.name);
    const Outcome outcome =
        example.folder().nnc("report '" + example.program() + "' --activations --target x86-64-v3 --data " + kData +
                             " " + law.settings + " -o picture.svg --json report.json");
    REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
    const nlohmann::json report = nlohmann::json::parse(example.folder().read("report.json"));
    CHECK(report.at("examples") == 1797);
    // hidden.0.dense, hidden.0.tanh, …, hidden.9.tanh, dense
    const nlohmann::json& rows = report.at("activations");
    REQUIRE(rows.size() == 21);
    for (std::size_t layer = 0; layer < 10; ++layer) {
      CAPTURE(layer);
      const nlohmann::json& row = rows[2 * layer + 1];
      CHECK(row.at("std").get<double>() == doctest::Approx(law.deviations[layer]).epsilon(law.tolerance));
      const double saturated = row.at("saturated").get<double>(), dead = row.at("dead").get<double>();
      const std::string name = law.name;
      if (name == "small") CHECK(saturated == 0);
      if (name == "large" && layer > 0) CHECK(saturated == doctest::Approx(0.934).epsilon(0.01));
      if (name == "xavier") CHECK(saturated < 0.001);
      if (name == "he") CHECK(saturated == doctest::Approx(0.5).epsilon(0.2));
      if (name == "he") CHECK(dead < 0.2);
      if (name != "he") CHECK(dead == 0);
    }
    example.picture(std::string(law.name) + ".svg", example.folder().read("picture.svg"));
  }
}

TEST_CASE("the network learns from Xavier's start, watched") {
  const Example example("initialisation");
  const std::vector<Epoch> epochs = example.train(
      std::string("--data ") + kData + ",label=64 --hold-out 0.2 --monitor --epochs 1 --set init=xavier_normal");
  CHECK(epochs.back().at("accuracy") > 0.9);
  const nlohmann::json log = nlohmann::json::parse(example.folder().read("log.jsonl"));
  const nlohmann::json& last = log.at("activations").at(19);
  CHECK(last.at("call") == "hidden.9.tanh");
  CHECK(last.at("std").get<double>() > laws()[2].deviations[9]);  // it has begun to tell the digits apart
}

}  // namespace
}  // namespace nnc
