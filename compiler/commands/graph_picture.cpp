// Layers from top to bottom (Sugiyama, Tagawa, Toda, 1981): a node's row is one below the lowest of those before it;
// an edge over several rows gets a place in each; places are ordered by the mean of their neighbours, then moved
// towards them as far as the others allow.
#include "compiler/commands/graph_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "compiler/commands/xml.h"
#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr double kLetter = 7.4, kLetterBold = 8.2;  // widths, at the sizes used
constexpr double kLine = 17, kPadding = 7, kBetween = 22, kRowGap = 28, kLaneWidth = 10, kMargin = 16, kTitle = 40;
constexpr int kSweeps = 12;

// A node, or where an edge passes a row.
struct Place {
  std::size_t row = 0;
  double width = kLaneWidth, x = 0;  // x: of the middle
  std::vector<std::size_t> above, below;
};

struct Lines {
  std::string name, text, size;
  double width() const {
    const auto length = [](const std::string& line) { return static_cast<double>(utf8::count(line)); };
    return std::max({length(name) * kLetterBold, length(text) * kLetter, length(size) * kLetter}) + 2 * kPadding + 4;
  }
  double height() const {
    const int count = 1 + (text.empty() ? 0 : 1) + (size.empty() ? 0 : 1);
    return count * kLine + 2 * kPadding - 3;
  }
};

Lines lines_of(const ModelNode& node) {
  if (node.kind == ModelNode::Kind::Join) return {node.name, "", ""};
  std::string size = node.type;
  if (node.parameters > 0) size += fmt::format(" · {} parameter{}", node.parameters, node.parameters == 1 ? "" : "s");
  if (node.has_state) size += " · state";
  return {node.name, node.text, size};
}

class Layout {
 public:
  explicit Layout(const std::vector<ModelNode>& nodes) : nodes_(nodes) {
    for (const ModelNode& node : nodes) lines_.push_back(lines_of(node));
    make_places();
    order_rows();
    place_rows();
  }

  std::string svg(const std::string& title) const {
    const double width =
        std::max(right_ + kMargin, 2 * kMargin + kLetterBold * 1.1 * static_cast<double>(title.size()));
    std::string text = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" "
        "height=\"{1:.0f}\" font-family=\"sans-serif\" font-size=\"13\" fill=\"#768390\">\n"
        "<title>{2}</title>\n<text x=\"{3:.0f}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{2}</text>\n",
        width, bottom_ + kMargin, escape_xml(title), kMargin);
    text += "<g fill=\"none\" stroke=\"#768390\" stroke-width=\"1.5\">\n";
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::vector<std::size_t>& route : routes_[i]) text += edge(route);
    }
    text += "</g>\n";
    for (std::size_t i = 0; i < nodes_.size(); ++i) text += box(i);
    return text + "</svg>\n";
  }

 private:
  void make_places() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      Place place;
      place.width = lines_[i].width();
      for (const std::size_t from : nodes_[i].from) place.row = std::max(place.row, places_[from].row + 1);
      places_.push_back(std::move(place));
    }
    routes_.resize(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      for (const std::size_t from : nodes_[i].from) {
        std::vector<std::size_t> route = {from};
        for (std::size_t row = places_[from].row + 1; row < places_[i].row; ++row) {
          Place lane;
          lane.row = row;
          places_.push_back(lane);
          route.push_back(places_.size() - 1);
        }
        route.push_back(i);
        for (std::size_t k = 0; k + 1 < route.size(); ++k) {
          places_[route[k]].below.push_back(route[k + 1]);
          places_[route[k + 1]].above.push_back(route[k]);
        }
        routes_[i].push_back(std::move(route));
      }
    }
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (rows_.size() <= places_[i].row) rows_.resize(places_[i].row + 1);
      rows_[places_[i].row].push_back(i);
    }
  }

  // The mean of what `of` gives for the neighbours; where there are none, for the place itself.
  template <class Of>
  double mean_of(std::size_t place, const std::vector<std::size_t>& neighbours, const Of& of) const {
    if (neighbours.empty()) return of(place);
    double sum = 0;
    for (const std::size_t neighbour : neighbours) sum += of(neighbour);
    return sum / static_cast<double>(neighbours.size());
  }

  void order_rows() {
    std::vector<double> position(places_.size());
    const auto number = [&](const std::vector<std::size_t>& row) {
      for (std::size_t i = 0; i < row.size(); ++i) position[row[i]] = static_cast<double>(i);
    };
    for (const std::vector<std::size_t>& row : rows_) number(row);
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      const bool is_down = sweep % 2 == 0;
      for (std::size_t k = 0; k < rows_.size(); ++k) {
        std::vector<std::size_t>& row = rows_[is_down ? k : rows_.size() - 1 - k];
        std::vector<std::pair<double, std::size_t>> wanted;
        for (const std::size_t place : row) {
          const std::vector<std::size_t>& neighbours = is_down ? places_[place].above : places_[place].below;
          wanted.emplace_back(mean_of(place, neighbours, [&](std::size_t other) { return position[other]; }), place);
        }
        std::stable_sort(wanted.begin(), wanted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = wanted[i].second;
        number(row);
      }
    }
  }

  double distance(std::size_t left, std::size_t right) const {
    return (places_[left].width + places_[right].width) / 2 + kBetween;
  }

  // Moves the places of a row to where they want to be, as far as their order and widths let them: half-way between
  // pushing all to the right and pushing all to the left.
  void settle(const std::vector<std::size_t>& row, const std::vector<double>& wanted) {
    std::vector<double> from_left = wanted, from_right = wanted;
    for (std::size_t i = 1; i < row.size(); ++i) {
      from_left[i] = std::max(wanted[i], from_left[i - 1] + distance(row[i - 1], row[i]));
    }
    for (std::size_t i = row.size() - 1; i-- > 0;) {
      from_right[i] = std::min(wanted[i], from_right[i + 1] - distance(row[i], row[i + 1]));
    }
    for (std::size_t i = 0; i < row.size(); ++i) places_[row[i]].x = (from_left[i] + from_right[i]) / 2;
  }

  void place_rows() {
    for (const std::vector<std::size_t>& row : rows_) settle(row, std::vector<double>(row.size(), 0.0));
    for (int sweep = 0; sweep < kSweeps; ++sweep) {
      for (std::size_t k = 0; k < rows_.size(); ++k) {
        const std::vector<std::size_t>& row = rows_[sweep % 2 == 0 ? k : rows_.size() - 1 - k];
        std::vector<double> wanted;
        for (const std::size_t place : row) {
          std::vector<std::size_t> neighbours = places_[place].above;
          neighbours.insert(neighbours.end(), places_[place].below.begin(), places_[place].below.end());
          wanted.push_back(mean_of(place, neighbours, [&](std::size_t other) { return places_[other].x; }));
        }
        settle(row, wanted);
      }
    }
    double left = 0;
    for (const Place& place : places_) left = std::min(left, place.x - place.width / 2);
    for (Place& place : places_) {
      place.x += kMargin - left;
      right_ = std::max(right_, place.x + place.width / 2);
    }
    bottom_ = kTitle;
    for (const std::vector<std::size_t>& row : rows_) {
      double height = 0;
      for (const std::size_t place : row) height = std::max(height, height_of(place));
      tops_.push_back(bottom_);
      heights_.push_back(height);
      bottom_ += height + kRowGap;
    }
    bottom_ -= kRowGap;
  }

  double height_of(std::size_t place) const { return place < nodes_.size() ? lines_[place].height() : 0; }
  // A node stands in the middle of its row, a lane passes all of it.
  double top_of(std::size_t place) const {
    const std::size_t row = places_[place].row;
    return place < nodes_.size() ? tops_[row] + (heights_[row] - height_of(place)) / 2 : tops_[row];
  }
  double bottom_of(std::size_t place) const {
    return place < nodes_.size() ? top_of(place) + height_of(place)
                                 : tops_[places_[place].row] + heights_[places_[place].row];
  }

  std::string edge(const std::vector<std::size_t>& route) const {
    const Place& first = places_[route.front()];
    std::string path = fmt::format("M{:.1f} {:.1f}", first.x, bottom_of(route.front()));
    for (std::size_t k = 1; k < route.size(); ++k) {
      const double x = places_[route[k]].x, before = places_[route[k - 1]].x;
      const double from = bottom_of(route[k - 1]), to = top_of(route[k]), middle = (from + to) / 2;
      path += fmt::format("C{:.1f} {:.1f} {:.1f} {:.1f} {:.1f} {:.1f}", before, middle, x, middle, x, to);
      if (k + 1 < route.size()) path += fmt::format("V{:.1f}", bottom_of(route[k]));
    }
    const double x = places_[route.back()].x, tip = top_of(route.back());
    return fmt::format("<path d=\"{}\"/>\n<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}L{:.1f} {:.1f}\"/>\n", path, x - 4,
                       tip - 6, x, tip, x + 4, tip - 6);
  }

  std::string box(std::size_t i) const {
    const Place& place = places_[i];
    const ModelNode& node = nodes_[i];
    const bool is_end = node.kind == ModelNode::Kind::Input || node.kind == ModelNode::Kind::Output;
    const double height = height_of(i), top = top_of(i);
    std::string text = fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"{:.0f}\" fill=\"#3b82f6\" "
        "fill-opacity=\"{}\" stroke=\"{}\"/>\n",
        place.x - place.width / 2, top, place.width, height, is_end ? height / 2 : 4,
        node.parameters > 0 ? "0.16" : "0", is_end ? "#3b82f6" : "#768390");
    double base = top + kPadding + 11;
    const auto line = [&](const std::string& content, const char* weight) {
      if (content.empty()) return;
      text += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\"{}>{}</text>\n", place.x, base, weight,
                          escape_xml(content));
      base += kLine;
    };
    line(lines_[i].name, " font-weight=\"bold\"");
    line(lines_[i].text, "");
    line(lines_[i].size, "");
    return text;
  }

  const std::vector<ModelNode>& nodes_;
  std::vector<Lines> lines_;
  std::vector<Place> places_;  // those of the nodes first
  std::vector<std::vector<std::size_t>> rows_;
  std::vector<std::vector<std::vector<std::size_t>>> routes_;  // of each node, the edges that end there: places passed
  std::vector<double> tops_, heights_;
  double right_ = 0, bottom_ = 0;
};

}  // namespace

std::string graph_svg(const std::string& title, const std::vector<ModelNode>& nodes) {
  return Layout(nodes).svg(title);
}

}  // namespace nnc
