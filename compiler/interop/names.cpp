#include "compiler/interop/names.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "compiler/interop/file.h"

namespace nnc {
namespace {

struct Rule {
  int line = 0;
  std::string theirs;
  std::string ours;  // empty: left out
  bool is_used = false;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlank);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

Result<std::vector<Rule>> read_rules(std::string_view map, const std::string& place) {
  std::vector<Rule> rules;
  for (int number = 1; !map.empty(); ++number) {
    const std::size_t end = std::min(map.find('\n'), map.size());
    const std::string_view line = map.substr(0, end);
    map.remove_prefix(std::min(end + 1, map.size()));
    const std::string_view text = trimmed(line.substr(0, line.find('#')));
    if (text.empty()) continue;
    const std::size_t arrow = text.find("->");
    const std::string_view theirs = trimmed(text.substr(0, arrow));
    if (arrow == std::string_view::npos || theirs.empty()) {
      return Failure{fmt::format("{}:{}: {} is not 'theirs -> ours'", place, number, quote(text))};
    }
    const std::string_view ours = trimmed(text.substr(arrow + 2));
    if (std::ranges::count(ours, '*') > std::ranges::count(theirs, '*')) {
      return Failure{fmt::format("{}:{}: {} has more stars than {}", place, number, quote(ours), quote(theirs))};
    }
    rules.push_back({number, std::string(theirs), std::string(ours)});
  }
  return rules;
}

// What each star of the pattern stands for, the first as short as it can be; nothing if the name does not fit.
std::optional<std::vector<std::string>> match(std::string_view pattern, std::string_view name) {
  // The parts between the stars, each at the first place where it is; the last at the end. If a part is found later
  // than it could be, what comes after it has less room: the first place is always good enough, but for the last.
  std::vector<std::string> stars;
  const std::size_t first = pattern.find('*');
  if (first == std::string_view::npos) return pattern == name ? std::optional(stars) : std::nullopt;
  if (!name.starts_with(pattern.substr(0, first))) return std::nullopt;
  name.remove_prefix(first);
  pattern.remove_prefix(first + 1);
  for (std::size_t star = pattern.find('*'); star != std::string_view::npos; star = pattern.find('*')) {
    const std::size_t at = name.find(pattern.substr(0, star));
    if (at == std::string_view::npos) return std::nullopt;
    stars.emplace_back(name.substr(0, at));
    name.remove_prefix(at + star);
    pattern.remove_prefix(star + 1);
  }
  if (!name.ends_with(pattern)) return std::nullopt;
  stars.emplace_back(name.substr(0, name.size() - pattern.size()));
  return stars;
}

std::string filled(std::string_view pattern, const std::vector<std::string>& stars) {
  std::string result;
  std::size_t next = 0;
  for (const char c : pattern) {
    if (c == '*') {
      result += stars[next++];
    } else {
      result += c;
    }
  }
  return result;
}

}  // namespace

Result<std::vector<Array>> rename_arrays(std::vector<Array> arrays, std::string_view map, const std::string& place) {
  Result<std::vector<Rule>> rules = read_rules(map, place);
  if (!rules) return rules.failure();
  std::vector<Array> result;
  std::map<std::string, std::string> theirs_of;  // by new name
  for (Array& array : arrays) {
    const std::string theirs = array.name;
    bool is_kept = true;
    for (Rule& rule : *rules) {
      const std::optional<std::vector<std::string>> stars = match(rule.theirs, theirs);
      if (!stars) continue;
      rule.is_used = true;
      is_kept = !rule.ours.empty();
      array.name = filled(rule.ours, *stars);
      break;
    }
    if (!is_kept) continue;
    const auto [place_of, is_new] = theirs_of.emplace(array.name, theirs);
    if (!is_new) {
      return Failure{fmt::format("{}: {} and {} would both be {}", place, quote(place_of->second), quote(theirs),
                                 quote(array.name))};
    }
    result.push_back(std::move(array));
  }
  for (const Rule& rule : *rules) {
    if (rule.is_used) continue;
    return Failure{fmt::format("{}:{}: no array is named {}, or lines before take all of them", place, rule.line,
                               quote(rule.theirs))};
  }
  return result;
}

}  // namespace nnc
