// Curves over two axes as SVG text, for a light and a dark page.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace nnc {

struct Curve {
  std::string name;
  std::vector<double> x;
  std::vector<double> y;
  bool is_dashed = false;
};

struct ChartAxes {
  std::string x;
  std::string y;
  bool is_logarithmic = false;  // of y, by powers of ten
};

// All curves in one frame of 640×360, their names beside it.
inline std::string line_chart(const std::vector<Curve>& curves, const ChartAxes& axes) {
  constexpr double kLeft = 50, kRight = 490, kTop = 15, kBottom = 320;
  const std::string colours[] = {"#888888", "#d9534f", "#3b82c4", "#3f9e5a", "#c27c1a", "#8e63c7", "#1a9aa6",
                                 "#c4568f", "#7a8b2e", "#a3614a", "#5a6fd6", "#b5a100", "#4f9488", "#d0708a"};
  const auto height = [&](double y) { return axes.is_logarithmic ? std::log10(y) : y; };
  double left = curves[0].x[0], right = left, low = height(curves[0].y[0]), high = low;
  for (const Curve& curve : curves) {
    for (const double x : curve.x) left = std::min(left, x), right = std::max(right, x);
    for (const double y : curve.y) low = std::min(low, height(y)), high = std::max(high, height(y));
  }
  low = axes.is_logarithmic ? std::floor(low) : low;
  high = axes.is_logarithmic ? std::ceil(high) : high;
  const auto across = [&](double x) { return kLeft + (x - left) / (right - left) * (kRight - kLeft); };
  const auto down = [&](double y) { return kBottom - (y - low) / (high - low) * (kBottom - kTop); };
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 640 360\" font-family=\"sans-serif\" "
      "font-size=\"12\">\n"
      "<style>text { fill: #333 } path { fill: none; stroke-width: 1.6 } .axis { stroke: #888; stroke-width: 1 }\n"
      "@media (prefers-color-scheme: dark) { text { fill: #ddd } }</style>\n";
  svg += fmt::format("<path class=\"axis\" d=\"M{0} {1}V{2}H{3}\"/>\n", kLeft, kTop, kBottom, kRight);
  const int marks = axes.is_logarithmic ? static_cast<int>(high - low) : 4;
  for (int i = 0; i <= marks; ++i) {
    const double y = low + (high - low) * i / marks, x = left + (right - left) * i / marks;
    const std::string label = axes.is_logarithmic ? fmt::format("{:g}", std::pow(10, y)) : fmt::format("{:.2g}", y);
    svg += fmt::format("<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n", kLeft - 5, down(y) + 4, label);
    svg +=
        fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{:.3g}</text>\n", across(x), kBottom + 16, x);
  }
  svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n", (kLeft + kRight) / 2, kBottom + 34,
                     axes.x);
  svg += fmt::format("<text x=\"14\" y=\"{0}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {0})\">{1}</text>\n",
                     (kTop + kBottom) / 2, axes.y);
  for (std::size_t i = 0; i < curves.size(); ++i) {
    const Curve& curve = curves[i];
    const std::string style = fmt::format("stroke=\"{}\"{}", colours[i % std::size(colours)],
                                          curve.is_dashed ? " stroke-dasharray=\"5 3\"" : "");
    std::string points;
    for (std::size_t k = 0; k < curve.x.size(); ++k) {
      points += fmt::format("{}{:.1f} {:.1f}", k == 0 ? "M" : " ", across(curve.x[k]), down(height(curve.y[k])));
    }
    const double y = kTop + 8 + 18 * static_cast<double>(i);
    svg += fmt::format("<path {} d=\"{}\"/>\n", style, points);
    svg +=
        fmt::format("<path {} d=\"M502 {}h20\"/>\n<text x=\"528\" y=\"{}\">{}</text>\n", style, y, y + 4, curve.name);
  }
  return svg + "</svg>\n";
}

}  // namespace nnc
