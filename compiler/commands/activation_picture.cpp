#include "compiler/commands/activation_picture.h"

#include <fmt/format.h>

#include <algorithm>

#include "compiler/commands/xml.h"

namespace nnc {
namespace {

constexpr int kTitleHeight = 58, kRowHeight = 30, kBarHeight = 24;
constexpr int kBarLeft = 76, kBarsWidth = 240;  // of the histogram, from the end of the last column
// Right edges of mean, std, saturated, dead, after the names.
constexpr int kColumns[] = {80, 160, 245, 310};
constexpr const char* kColumnNames[] = {"mean", "std", "saturated", "dead"};

// The outline of the bars, as one path: from the bottom left to the bottom right.
std::string outline(const std::vector<std::uint64_t>& histogram, int left, int bottom) {
  const std::uint64_t highest = *std::max_element(histogram.begin(), histogram.end());
  std::string path = fmt::format("M{} {}", left, bottom);
  const double width = static_cast<double>(kBarsWidth) / static_cast<double>(histogram.size());
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    const double share = highest == 0 ? 0 : static_cast<double>(histogram[i]) / static_cast<double>(highest);
    path += fmt::format("V{:.1f}H{:.1f}", bottom - kBarHeight * share, left + width * static_cast<double>(i + 1));
  }
  return path + fmt::format("V{}Z", bottom);
}

int name_width(const std::vector<Activation>& activations) {
  std::size_t longest = 4;
  for (const Activation& activation : activations) longest = std::max(longest, activation.call.size());
  return 14 + 8 * static_cast<int>(longest);
}

std::string percent(const std::optional<double>& share) { return share ? fmt::format("{:.1f} %", 100 * *share) : ""; }

}  // namespace

std::string activations_svg(const std::string& title, const std::vector<Activation>& activations) {
  const int names = name_width(activations);
  const int bars = names + kColumns[3] + kBarLeft;
  const int width = bars + kBarsWidth + kBarLeft;
  const int height = kTitleHeight + kRowHeight * static_cast<int>(activations.size()) + 6;
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" width=\"{}\" height=\"{}\" "
      "font-family=\"sans-serif\" font-size=\"13\" fill=\"#768390\">\n",
      width, height, width, height);
  svg += fmt::format("<title>{}</title>\n", escape_xml(title));
  svg += fmt::format("<text x=\"8\" y=\"22\" font-size=\"15\" font-weight=\"bold\">{}</text>\n", escape_xml(title));
  const auto cell = [&](int right, int y, const std::string& text) {
    if (!text.empty()) svg += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n", right, y, text);
  };
  for (std::size_t i = 0; i < std::size(kColumns); ++i) cell(names + kColumns[i], kTitleHeight - 10, kColumnNames[i]);
  int top = kTitleHeight;
  for (const Activation& activation : activations) {
    const int base = top + kRowHeight - 9;
    svg += fmt::format("<text x=\"8\" y=\"{}\">{}</text>\n", base, escape_xml(activation.call));
    cell(names + kColumns[0], base, fmt::format("{:.3g}", activation.mean));
    cell(names + kColumns[1], base, fmt::format("{:.3g}", activation.std));
    cell(names + kColumns[2], base, percent(activation.saturated));
    cell(names + kColumns[3], base, percent(activation.dead));
    cell(bars - 6, base, fmt::format("{:.3g}", activation.low));
    svg +=
        fmt::format("<path d=\"{}\" fill=\"#3b82f6\"/>\n", outline(activation.histogram, bars, top + kRowHeight - 3));
    svg += fmt::format("<text x=\"{}\" y=\"{}\">{:.3g}</text>\n", bars + kBarsWidth + 6, base, activation.high);
    top += kRowHeight;
  }
  return svg + "</svg>\n";
}

std::string activations_html(const std::string& title, const std::vector<Activation>& activations) {
  std::string legend =
      "A row is a call of the program, over all examples. <b>mean</b>, <b>std</b>: of all values. <b>saturated</b>: of "
      "an activation y = f(x), the share of the values with a slope |dy/dx| below 0.1. <b>dead</b>: the share of the "
      "units whose slope is below 1e-6 in every example. Histograms of the same function have one range.";
  for (const Activation& activation : activations) {
    if (activation.not_finite == 0) continue;
    legend += fmt::format(" <b>{}</b>: {} numbers are not finite and are left out.", escape_xml(activation.call),
                          activation.not_finite);
  }
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<meta name=\"color-scheme\" "
      "content=\"light dark\">\n<title>{}</title>\n</head>\n<body style=\"font-family: sans-serif; max-width: 60em; "
      "margin: 2em auto\">\n{}<p>{}</p>\n</body>\n</html>\n",
      escape_xml(title), activations_svg(title, activations), legend);
}

}  // namespace nnc
