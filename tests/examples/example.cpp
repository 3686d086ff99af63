#include "tests/examples/example.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <regex>

#include "compiler/interop/arrays.h"
#include "compiler/interop/npz.h"
#include "compiler/interop/safetensors.h"

namespace nnc {
namespace {

std::vector<float> elements_of(const Array& array) {
  std::vector<float> values(array.bytes.size() / sizeof(float));
  std::memcpy(values.data(), array.bytes.data(), values.size() * sizeof(float));
  return values;
}

template <class T>
Array make_array(const std::string& name, ElementType element, const Shape& shape, const std::vector<T>& values) {
  const std::shared_ptr<std::vector<T>> owner = std::make_shared<std::vector<T>>(values);
  REQUIRE(static_cast<std::size_t>(element_count(shape)) == values.size());
  return {name, element, shape, std::as_bytes(std::span(*owner)), owner, name, false};
}

}  // namespace

std::string Example::program(const std::string& file) const { return NNC_SOURCE_DIR "/examples/" + name_ + "/" + file; }

void Example::save(const std::string& file, const std::vector<Array>& arrays) const {
  const Status written = write_npz(folder_.file(file), arrays, false);
  REQUIRE_MESSAGE(written, written.error());
}

std::vector<Epoch> Example::train(const std::string& arguments, const std::string& file) const {
  const Outcome outcome = folder_.nnc("train '" + program(file) + "' --target x86-64-v3 --quiet --json log.jsonl " +
                                      "-o weights.safetensors " + arguments);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  std::vector<Epoch> epochs;
  std::istringstream log(folder_.read("log.jsonl"));
  for (std::string line; std::getline(log, line);) {
    Epoch& epoch = epochs.emplace_back();
    const nlohmann::json parsed = nlohmann::json::parse(line);
    for (const auto& [key, value] : parsed.items()) {
      if (value.is_number()) epoch[key] = value.get<double>();
      if (!value.is_object()) continue;
      for (const auto& [metric, number] : value.items()) {
        if (number.is_number()) epoch.emplace(metric, number.get<double>());
      }
    }
  }
  REQUIRE(!epochs.empty());
  return epochs;
}

std::vector<float> Example::run(const std::string& arguments, const std::string& output,
                                const std::string& file) const {
  const Outcome outcome =
      folder_.nnc("run '" + program(file) + "' --target x86-64-v3 --weights weights.safetensors --output " + output +
                  "=result.npy " + arguments);
  REQUIRE_MESSAGE(outcome.status == 0, outcome.output);
  return read_floats(folder_.file("result.npy"));
}

std::vector<float> Example::weights(const std::string& path) const {
  const Result<Safetensors> file = read_safetensors(folder_.file("weights.safetensors"));
  REQUIRE_MESSAGE(file, file.error());
  for (const Array& array : file->tensors) {
    if (array.name == path) return elements_of(array);
  }
  FAIL("there is no parameter ", path);
  return {};
}

void Example::picture(const std::string& file, const std::string& svg) const {
  const std::string path = program(file);
  if (std::getenv("NNC_UPDATE") != nullptr) std::ofstream(path) << svg;
  std::ostringstream committed;
  committed << std::ifstream(path).rdbuf();
  CHECK_MESSAGE(committed.str() == svg, path, " is not what the program gives now; NNC_UPDATE=1 writes it anew");
}

std::vector<float> read_floats(const std::string& path) {
  const Result<std::vector<Array>> arrays = load_file(path);
  REQUIRE_MESSAGE(arrays, arrays.error());
  return elements_of(arrays->front());
}

Array floats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
  return make_array(name, ElementType::F32, shape, values);
}

Array labels(const std::string& name, const std::vector<std::int32_t>& values) {
  return labels(name, {static_cast<std::int64_t>(values.size())}, values);
}

Array labels(const std::string& name, const Shape& shape, const std::vector<std::int32_t>& values) {
  return make_array(name, ElementType::I32, shape, values);
}

Array bytes(const std::string& name, const Shape& shape, const std::vector<std::uint8_t>& values) {
  return make_array(name, ElementType::U8, shape, values);
}

std::int64_t numbers_in_parameters(const std::string& header) {
  const std::size_t begin = header.find(" Parameters {");
  REQUIRE(begin != std::string::npos);
  const std::string body = header.substr(begin, header.find("};", begin) - begin);
  const std::regex field(R"(float \w+((\[\d+\])+);)"), size(R"(\[(\d+)\])");
  std::int64_t sum = 0;
  for (std::sregex_iterator at(body.begin(), body.end(), field); at != std::sregex_iterator(); ++at) {
    const std::string sizes = (*at)[1];
    std::int64_t product = 1;
    for (std::sregex_iterator one(sizes.begin(), sizes.end(), size); one != std::sregex_iterator(); ++one) {
      product *= std::stoll((*one)[1]);
    }
    sum += product;
  }
  return sum;
}

Digits read_digits() {
  const Result<std::vector<Array>> arrays =
      load_arrays({NNC_SOURCE_DIR "/examples/digits/digits.csv.gz:image=0:64,label=64"});
  REQUIRE_MESSAGE(arrays, arrays.error());
  Digits digits;
  for (const Array& array : *arrays) {
    for (std::int64_t i = 0; i < element_count(array.shape); ++i) {
      const double value =
          read_element(array.element, array.bytes.data() + static_cast<std::size_t>(i * size_bytes(array.element)));
      if (array.name == "image") {
        digits.images.push_back(static_cast<float>(value));
      } else {
        digits.labels.push_back(static_cast<std::int32_t>(value));
      }
    }
  }
  REQUIRE(digits.images.size() == 64 * digits.size());
  return digits;
}

// Box and Muller.
double Random::normal() {
  const double radius = std::sqrt(-2 * std::log(1 - uniform(0, 1)));
  return radius * std::cos(2 * 3.141592653589793 * uniform(0, 1));
}

}  // namespace nnc
