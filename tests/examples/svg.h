// Pictures that tests write, as SVG text that reads on a light page and on a dark one.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace nnc {

// A row of small square images under a caption; brightness from 0 (black) to 1 (white).
struct TileRow {
  std::string caption;
  std::vector<std::vector<float>> tiles;
};

// Rows of tiles of size × size pixels, each pixel four units wide. Seventeen greys; a grey is one path of runs, which
// keeps a picture of a thousand pixels at some ten kilobytes.
inline std::string tiles_svg(const std::vector<TileRow>& rows, int size) {
  constexpr int kScale = 4;
  constexpr int kCaption = 5;
  std::size_t columns = 1;
  for (const TileRow& row : rows) columns = std::max(columns, row.tiles.size());
  const int pitch = size + 1;
  const int width = static_cast<int>(columns) * pitch;
  std::string captions;
  std::map<int, std::string> greys;
  int top = 0;
  for (const TileRow& row : rows) {
    if (!row.caption.empty()) {
      captions += "<text x=\"0\" y=\"" + std::to_string(top + kCaption - 1) + "\">" + row.caption + "</text>\n";
      top += kCaption;
    }
    for (std::size_t i = 0; i < row.tiles.size(); ++i) {
      const std::span<const float> pixels = row.tiles[i];
      const int left = static_cast<int>(i) * pitch;
      for (int y = 0; y < size; ++y) {
        for (int x = 0, end = 0; x < size; x = end) {
          const auto grey = [&](int at) {
            const float value = pixels[static_cast<std::size_t>(y * size + at)];
            return static_cast<int>(std::lround(16 * std::clamp(value, 0.0F, 1.0F)));
          };
          for (end = x + 1; end < size && grey(end) == grey(x);) ++end;
          const std::string run = std::to_string(end - x);
          greys[grey(x)] += "M" + std::to_string(left + x) + " " + std::to_string(top + y) + "h" + run + "v1h-" + run;
        }
      }
    }
    top += pitch;
  }
  std::string svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" + std::to_string(kScale * width) +
                    "\" height=\"" + std::to_string(kScale * top) + "\" viewBox=\"0 0 " + std::to_string(width) + " " +
                    std::to_string(top) + "\" font-family=\"sans-serif\" font-size=\"3\" fill=\"#808080\">\n" +
                    captions;
  for (const auto& [grey, path] : greys) {
    const std::string level = std::to_string(std::min(16 * grey, 255));
    svg += "<path shape-rendering=\"crispEdges\" fill=\"rgb(" + level + "," + level + "," + level + ")\" d=\"" + path +
           "\"/>\n";
  }
  return svg + "</svg>\n";
}

}  // namespace nnc
