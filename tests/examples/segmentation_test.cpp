// A label for each pixel: discs, squares and triangles, drawn at one size and found at another.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tests/examples/example.h"

namespace nnc {
namespace {

constexpr int kClasses = 4;

// Images with a few shapes each, which may overlap: the later one hides the earlier.
struct Drawings {
  int height = 0;
  int width = 0;
  std::vector<float> pixels;
  std::vector<std::int32_t> labels;

  int count() const { return static_cast<int>(labels.size()) / (height * width); }
  std::vector<Array> arrays() const {
    return {floats("image", {count(), 1, height, width}, pixels),
            nnc::labels("label", {count(), height, width}, labels)};
  }
};

// Whether a shape of the given class, that reaches `radius` from its middle, covers the place (x, y) beside the middle.
bool covers(int shape, double radius, double x, double y) {
  if (shape == 1) return x * x + y * y <= radius * radius;
  if (shape == 2) return std::max(std::abs(x), std::abs(y)) <= 0.85 * radius;
  return y <= 0.8 * radius && std::abs(x) * 1.7 <= y + 0.9 * radius;
}

Drawings draw(int count, int height, int width, int shapes, std::uint64_t seed) {
  Drawings drawings{height, width, {}, {}};
  Random random(seed);
  for (int image = 0; image < count; ++image) {
    std::vector<float> pixels(static_cast<std::size_t>(height * width), 0.0F);
    std::vector<std::int32_t> labels(pixels.size(), 0);
    for (int i = 0; i < shapes; ++i) {
      const int shape = 1 + random.below(kClasses - 1);
      const double radius = random.uniform(4, 8), light = random.uniform(0.5, 1);
      const double middle_x = random.uniform(3, width - 4), middle_y = random.uniform(3, height - 4);
      for (int at = 0; at < height * width; ++at) {
        if (!covers(shape, radius, at % width - middle_x, at / width - middle_y)) continue;
        pixels[static_cast<std::size_t>(at)] = static_cast<float>(light);
        labels[static_cast<std::size_t>(at)] = shape;
      }
    }
    for (float& pixel : pixels) pixel += static_cast<float>(0.15 * random.normal());
    drawings.pixels.insert(drawings.pixels.end(), pixels.begin(), pixels.end());
    drawings.labels.insert(drawings.labels.end(), labels.begin(), labels.end());
  }
  return drawings;
}

// The label of the largest score at each pixel; scores are [images, classes, height, width].
std::vector<std::int32_t> labels_of(const std::vector<float>& scores, const Drawings& drawings) {
  const std::size_t places = static_cast<std::size_t>(drawings.height * drawings.width);
  REQUIRE(scores.size() == drawings.labels.size() * kClasses);
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < drawings.labels.size(); ++i) {
    const std::size_t first = i / places * kClasses * places + i % places;
    std::int32_t best = 0;
    for (std::int32_t c = 1; c < kClasses; ++c) {
      if (scores[first + static_cast<std::size_t>(c) * places] >
          scores[first + static_cast<std::size_t>(best) * places]) {
        best = c;
      }
    }
    labels.push_back(best);
  }
  return labels;
}

// For each class, the pixels that are it and are called it, over those that are it or are called it.
std::array<double, kClasses> intersection_over_union(const std::vector<std::int32_t>& found,
                                                     const std::vector<std::int32_t>& truth) {
  std::array<double, kClasses> ratios{};
  for (int c = 0; c < kClasses; ++c) {
    int both = 0, either = 0;
    for (std::size_t i = 0; i < truth.size(); ++i) {
      both += found[i] == c && truth[i] == c ? 1 : 0;
      either += found[i] == c || truth[i] == c ? 1 : 0;
    }
    ratios[static_cast<std::size_t>(c)] = static_cast<double>(both) / either;
  }
  return ratios;
}

double mean_of(const std::array<double, kClasses>& ratios) {
  double sum = 0;
  for (const double ratio : ratios) sum += ratio / kClasses;
  return sum;
}

// One image as runs of equal levels, a path a level; level 0 is the frame's own colour.
std::string runs(const std::vector<int>& levels, int width, const std::string& prefix) {
  std::string svg;
  for (int level = 1; level <= *std::max_element(levels.begin(), levels.end()); ++level) {
    std::string path;
    for (int at = 0, end = 0; at < static_cast<int>(levels.size()); at = end) {
      const int row_end = (at / width + 1) * width, value = levels[static_cast<std::size_t>(at)];
      for (end = at + 1; end < row_end && levels[static_cast<std::size_t>(end)] == value;) ++end;
      if (value == level) path += fmt::format("M{} {}h{}", at % width, at / width, end - at);
    }
    svg += fmt::format("<path class=\"{}{}\" d=\"{}\"/>\n", prefix, level, path);
  }
  return svg;
}

// The first images in a row each: what comes in, what it is, what the network says.
std::string picture_of(const Drawings& drawings, const std::vector<std::int32_t>& found) {
  constexpr int kImages = 3;
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"590\" height=\"560\" viewBox=\"0 0 118 112\" "
      "font-family=\"sans-serif\" font-size=\"4\">\n"
      "<style>text { fill: #333 } rect { fill: #222 } path { stroke-width: 1.02 }\n"
      ".g1 { stroke: #444 } .g2 { stroke: #777 } .g3 { stroke: #aaa } .g4 { stroke: #ddd }\n"
      ".c1 { stroke: #d9534f } .c2 { stroke: #3b82c4 } .c3 { stroke: #d6a21e }\n"
      "@media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>\n";
  const char* const titles[] = {"image", "label", "output"};
  for (int column = 0; column < 3; ++column) {
    svg += fmt::format("<text x=\"{}\" y=\"5\" text-anchor=\"middle\">{}</text>\n", 20 + 39 * column, titles[column]);
  }
  const int places = drawings.height * drawings.width;
  for (int image = 0; image < kImages; ++image) {
    std::vector<int> levels[3];
    for (std::size_t i = static_cast<std::size_t>(image * places); i < static_cast<std::size_t>((image + 1) * places);
         ++i) {
      levels[0].push_back(std::clamp(static_cast<int>(std::lround(drawings.pixels[i] * 4)), 0, 4));
      levels[1].push_back(drawings.labels[i]);
      levels[2].push_back(found[i]);
    }
    for (int column = 0; column < 3; ++column) {
      svg += fmt::format("<g transform=\"translate({} {})\"><rect y=\"-0.5\" width=\"{}\" height=\"{}\"/>\n",
                         4 + 39 * column, 8.5 + 34 * image, drawings.width, drawings.height);
      svg += runs(levels[column], drawings.width, column == 0 ? "g" : "c") + "</g>\n";
    }
  }
  return svg + "</svg>\n";
}

// The mean ratio on the 200 drawings. PyTorch 2.15, the same network, start, drawings and 12 epochs, over three seeds:
//   Adam, lr 0.01 by half a cosine, 25 batches of 16 in an epoch
// A little less is accepted of it, and of the larger drawings, where more shapes overlap.
constexpr double kTorchMin = 0.871, kTorchMax = 0.916, kLargeMin = 0.8;

TEST_CASE("a fully convolutional network finds shapes, in images of another size too") {
  const Example example("segmentation");
  example.save("shapes.npz", draw(400, 32, 32, 2, 1).arrays());
  const Drawings seen_never = draw(200, 32, 32, 2, 2);
  example.save("test.npz", seen_never.arrays());
  const std::vector<Epoch> epochs = example.train("--data shapes.npz --test test.npz --seed 1");
  CHECK(epochs.back().at("pixels") > 0.9);

  example.save("image.npz", {seen_never.arrays()[0]});
  const std::vector<std::int32_t> found = labels_of(example.run("--input image.npz", "scores"), seen_never);
  const std::array<double, kClasses> ratios = intersection_over_union(found, seen_never.labels);
  for (const double ratio : ratios) CHECK(ratio > 0.75);
  CHECK(mean_of(ratios) > kTorchMin - 0.01);
  CHECK(mean_of(ratios) < kTorchMax + 0.03);
  example.picture("shapes.svg", picture_of(seen_never, found));

  // The same weights, images four and a half times as large, with as many shapes more.
  const Drawings large = draw(50, 48, 96, 9, 3);
  example.save("large.npz", {large.arrays()[0]});
  const std::vector<std::int32_t> found_large =
      labels_of(example.run("--set H=48 --set W=96 --input large.npz", "scores"), large);
  const double mean_large = mean_of(intersection_over_union(found_large, large.labels));
  CHECK(mean_large > kLargeMin);
}

}  // namespace
}  // namespace nnc
