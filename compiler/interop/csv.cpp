#include "compiler/interop/csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "compiler/diagnostics/diagnostics.h"

namespace nnc {
namespace {

struct Field {
  std::string_view text;  // without quotes
  std::size_t line = 0;
  std::size_t column = 0;  // in bytes, from 1
};

// Splits the text into records. The fields of a record are valid until the next is read.
class RecordReader {
 public:
  RecordReader(std::string_view text, char delimiter) : text_(text), delimiter_(delimiter) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.starts_with(kByteOrderMark)) at_ = line_begin_ = kByteOrderMark.size();
  }

  // False at the end, and on an error.
  bool next(std::vector<Field>& fields) {
    fields.clear();
    unquoted_.clear();
    while (at_ < text_.size() && skip_line_end()) {
    }
    if (at_ == text_.size()) return false;
    while (true) {
      if (!read_field(fields)) return false;
      if (at_ == text_.size() || skip_line_end()) return true;
      ++at_;
    }
  }
  const std::string& error() const { return error_; }

 private:
  bool skip_line_end() {
    const std::size_t length = text_[at_] == '\n' ? 1 : text_.substr(at_, 2) == "\r\n" ? 2 : 0;
    if (length == 0) return false;
    at_ += length;
    begin_line();
    return true;
  }
  void begin_line() {
    ++line_;
    line_begin_ = at_;
  }
  bool ends_field(std::size_t at) const {
    return at == text_.size() || text_[at] == delimiter_ || text_[at] == '\n' || text_.substr(at, 2) == "\r\n";
  }
  bool fail(std::string_view what) {
    error_ = fmt::format("{}:{}: {}", line_, at_ - line_begin_ + 1, what);
    return false;
  }

  bool read_field(std::vector<Field>& fields) {
    Field field{{}, line_, at_ - line_begin_ + 1};
    if (at_ < text_.size() && text_[at_] == '"') {
      if (!read_quoted(field)) return false;
    } else {
      const std::size_t begin = at_;
      while (!ends_field(at_)) {
        if (text_[at_] == '"') return fail("a quote within a field; put the whole field in quotes and double this one");
        ++at_;
      }
      field.text = text_.substr(begin, at_ - begin);
    }
    fields.push_back(field);
    return true;
  }

  bool read_quoted(Field& field) {
    const std::size_t begin = ++at_;
    bool doubled = false;
    while (true) {
      if (at_ == text_.size()) {
        error_ = fmt::format("{}:{}: the quote that begins here is never closed", field.line, field.column);
        return false;
      }
      if (text_[at_] == '"') {
        if (text_.substr(at_, 2) != "\"\"") break;
        doubled = true;
        ++at_;
      }
      const bool new_line = text_[at_] == '\n';
      ++at_;
      if (new_line) begin_line();
    }
    field.text = text_.substr(begin, at_ - begin);
    ++at_;
    if (!ends_field(at_)) return fail("something follows the closing quote");
    if (!doubled) return true;
    std::string& plain = *unquoted_.emplace_back(std::make_unique<std::string>());
    for (std::size_t i = 0; i < field.text.size(); ++i) {
      plain += field.text[i];
      if (field.text[i] == '"') ++i;
    }
    field.text = plain;
    return true;
  }

  std::string_view text_;
  char delimiter_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  std::size_t line_begin_ = 0;
  std::vector<std::unique_ptr<std::string>> unquoted_;
  std::string error_;
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

enum class NumberStatus { Good, NotANumber, OutOfRange };

NumberStatus parse_number(std::string_view text, double& value) {
  text = trim(text);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || status == std::errc::invalid_argument) return NumberStatus::NotANumber;
  return status == std::errc() ? NumberStatus::Good : NumberStatus::OutOfRange;
}

// Turns the text of a selection into numbers of columns.
class Selector {
 public:
  Selector(const std::vector<std::string>& header, std::size_t columns) : header_(header), columns_(columns) {}

  // `single` tells a lone column from a range of one.
  bool select(std::string_view text, std::vector<std::size_t>& selected, bool& single) {
    single = false;
    std::size_t items = 0;
    while (true) {
      const std::size_t plus = text.find('+');
      const std::size_t before = selected.size();
      if (!select_item(trim(text.substr(0, plus)), selected, single)) return false;
      if (selected.size() == before) return fail(fmt::format("selects no column with {}", quote(text)));
      ++items;
      if (plus == std::string_view::npos) break;
      text = text.substr(plus + 1);
    }
    single = single && items == 1;
    return true;
  }
  const std::string& error() const { return error_; }

 private:
  bool fail(std::string what) {
    error_ = std::move(what);
    return false;
  }

  bool select_item(std::string_view item, std::vector<std::size_t>& selected, bool& single) {
    std::size_t begin = 0;
    std::size_t end = columns_;
    const bool named = std::find(header_.begin(), header_.end(), item) != header_.end();
    const std::size_t dots = item.find("..");
    const std::size_t colon = item.find(':');
    if (!named && dots != std::string_view::npos) {
      std::size_t last = 0;
      if (!column_of(trim(item.substr(0, dots)), begin) || !column_of(trim(item.substr(dots + 2)), last)) return false;
      if (last < begin) return fail(fmt::format("selects {}, whose end lies before its beginning", quote(item)));
      end = last + 1;
    } else if (!named && colon != std::string_view::npos) {
      const std::string_view from = trim(item.substr(0, colon));
      const std::string_view to = trim(item.substr(colon + 1));
      if ((!from.empty() && !number(from, begin)) || (!to.empty() && !number(to, end))) {
        return fail(fmt::format("selects {}; a range of numbers reads 0:64, one of names first..last", quote(item)));
      }
      if (begin >= end || end > columns_) {
        return fail(fmt::format("selects columns {}, but there are columns 0 to {}", quote(item), columns_ - 1));
      }
    } else {
      if (!column_of(item, begin)) return false;
      end = begin + 1;
      single = true;
    }
    for (std::size_t column = begin; column < end; ++column) selected.push_back(column);
    return true;
  }

  bool column_of(std::string_view item, std::size_t& column) {
    const auto found = std::find(header_.begin(), header_.end(), item);
    if (found != header_.end()) {
      if (std::find(found + 1, header_.end(), item) != header_.end()) {
        return fail(fmt::format("selects column {}, but two have this name; select it by number", quote(item)));
      }
      column = static_cast<std::size_t>(found - header_.begin());
      return true;
    }
    if (number(item, column)) {
      return column < columns_ ||
             fail(fmt::format("selects column {}, but there are columns 0 to {}", column, columns_ - 1));
    }
    const std::string near = nearest(item, header_);
    return fail(
        fmt::format("selects column {}, but {}{}", quote(item),
                    header_.empty() ? "the file has no header line; select by number" : "the header does not name it",
                    near.empty() ? "" : "; did you mean " + quote(near) + "?"));
  }

  static bool number(std::string_view text, std::size_t& value) {
    const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
    return status == std::errc() && end == text.data() + text.size();
  }

  const std::vector<std::string>& header_;
  std::size_t columns_;
  std::string error_;
};

struct Packed {
  std::string name;
  std::vector<std::size_t> columns;
  bool single = false;
  std::shared_ptr<std::vector<double>> values = std::make_shared<std::vector<double>>();
};

Result<std::vector<Packed>> plan_columns(const FileBytes& file, const std::vector<std::string>& header,
                                         std::size_t columns, const std::vector<ColumnBinding>& bindings) {
  std::vector<Packed> plan;
  for (const ColumnBinding& binding : bindings) {
    Packed packed{binding.name, {}, false};
    Selector selector(header, columns);
    if (!selector.select(binding.selection, packed.columns, packed.single)) {
      return Failure{fmt::format("{}: array {} {}", file.path, quote(binding.name), selector.error())};
    }
    plan.push_back(std::move(packed));
  }
  if (bindings.empty()) {
    if (header.empty()) {
      return Failure{
          fmt::format("{}: has no header line that names its {} columns: say which make an array, as in "
                      "{}:image=0:64,label=64",
                      file.path, columns, file.path)};
    }
    for (std::size_t column = 0; column < columns; ++column) plan.push_back({header[column], {column}, true});
  }
  return plan;
}

}  // namespace

Result<std::vector<Array>> parse_csv(const FileBytes& file, char delimiter,
                                     const std::vector<ColumnBinding>& bindings) {
  RecordReader reader({reinterpret_cast<const char*>(file.bytes.data()), file.bytes.size()}, delimiter);
  std::vector<Field> fields;
  std::vector<std::string> header;
  const auto failure = [&] { return Failure{file.path + ":" + reader.error()}; };
  bool more = reader.next(fields);
  if (!reader.error().empty()) return failure();
  if (!more) return Failure{file.path + ": has no line with numbers"};
  const std::size_t columns = fields.size();
  double value = 0;
  if (std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
        return !trim(field.text).empty() && parse_number(field.text, value) == NumberStatus::NotANumber;
      })) {
    for (const Field& field : fields) header.emplace_back(trim(field.text));
    more = reader.next(fields);
  }
  Result<std::vector<Packed>> plan = plan_columns(file, header, columns, bindings);
  if (!plan) return plan.failure();

  std::int64_t lines = 0;
  for (; more; more = reader.next(fields), ++lines) {
    if (fields.size() != columns) {
      return Failure{fmt::format("{}:{}:1: has {} fields, but the first line has {}", file.path, fields[0].line,
                                 fields.size(), columns)};
    }
    for (Packed& packed : *plan) {
      for (const std::size_t column : packed.columns) {
        const Field& field = fields[column];
        const NumberStatus status = parse_number(field.text, value);
        if (status != NumberStatus::Good) {
          const std::string name = header.empty() ? fmt::format("column {}", column) : quote(header[column]);
          return Failure{fmt::format("{}:{}:{}: {} {}", file.path, field.line, field.column, name,
                                     trim(field.text).empty() ? "is empty; a number is needed"
                                     : status == NumberStatus::OutOfRange
                                         ? "is " + quote(field.text) + ", which is beyond what f64 can hold"
                                         : "is " + quote(field.text) + ", not a number")};
        }
        packed.values->push_back(value);
      }
    }
  }
  if (!reader.error().empty()) return failure();

  std::vector<Array> arrays;
  for (Packed& packed : *plan) {
    Shape shape = {lines};
    if (!packed.single) shape.push_back(static_cast<std::int64_t>(packed.columns.size()));
    arrays.push_back({packed.name, ElementType::F64, shape, std::as_bytes(std::span(*packed.values)), packed.values,
                      fmt::format("{}: array {}", file.path, quote(packed.name)), true});
  }
  return arrays;
}

Status write_csv(const std::string& path, const Array& array) {
  const std::size_t size = static_cast<std::size_t>(size_bytes(array.element));
  const std::size_t elements = array.bytes.size() / size;
  const std::size_t rows = array.shape.empty() ? 1 : static_cast<std::size_t>(array.shape[0]);
  std::string text;
  for (std::size_t i = 0; i < elements; ++i) {
    text += element_text(array.element, array.bytes.data() + i * size);
    text += (i + 1) % (elements / rows) == 0 ? '\n' : ',';
  }
  return write_file(path, text);
}

}  // namespace nnc
