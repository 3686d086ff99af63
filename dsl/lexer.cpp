// The lexer: one pass over the bytes, with a stack of open brackets.
//
// Requires nothing of the bytes. Establishes: tokens lie in the order of the text and do not overlap; brackets match;
// what is wrong has been reported once, and is an Invalid token or a synthetic bracket.
#include "dsl/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "dsl/utf8.h"

namespace nnc {
namespace {

constexpr std::array<std::string_view, 18> kReserved = {"import", "const",  "fn",  "layer", "cell",  "model",
                                                        "train",  "extern", "let", "param", "if",    "else",
                                                        "and",    "or",     "not", "true",  "false", "require"};
// A line that starts with one of these cannot continue a '(' or '['.
constexpr std::array<std::string_view, 11> kLineStarts = {"import", "const",  "fn",  "layer", "cell",   "model",
                                                          "train",  "extern", "let", "param", "require"};
// A line that starts with one of these is an item of the file: it cannot stand inside any bracket.
constexpr std::array<std::string_view, 5> kItemStarts = {"import", "const", "model", "train", "extern"};
// Longest first.
constexpr std::array<std::string_view, 29> kSymbols = {"...", "|>", "->", "//", "==", "!=", "<=", ">=", "(", ")",
                                                       "[",   "]",  "{",  "}",  ",",  ":",  "=",  "~",  ".", "+",
                                                       "-",   "*",  "/",  "%",  "@",  "^",  "<",  ">",  ";"};
constexpr std::array<std::string_view, 17> kInfix = {"|>", "+",  "-", "*",  "/", "//", "%",   "@", "^",
                                                     "==", "!=", "<", "<=", ">", ">=", "and", "or"};
constexpr std::array<std::string_view, 4> kContinuing = {",", "=", "->", "~"};

// What people write in other languages or with other keyboards, and what it is here.
struct Lookalike {
  std::string_view written;
  std::string_view meant;
};
constexpr std::array<Lookalike, 10> kLookalikes = {{{"&&", "and"},
                                                    {"||", "or"},
                                                    {"!", "not"},
                                                    {"×", "*"},
                                                    {"·", "*"},
                                                    {"−", "-"},
                                                    {"≤", "<="},
                                                    {"≥", ">="},
                                                    {"≠", "!="},
                                                    {"→", "->"}}};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_word(char c) { return is_letter(c) || is_digit(c); }

std::string_view closing(std::string_view opening) { return opening == "(" ? ")" : opening == "[" ? "]" : "}"; }

// A bracket not yet closed.
struct Opening {
  std::string_view text;
  Span span;
  int conditions = 0;  // `if`s directly inside whose block is still to come
};

class Lexer {
 public:
  Lexer(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics)
      : text_(sources.text(file)), file_(file), diagnostics_(diagnostics) {}

  TokenStream run() {
    if (text_.starts_with("\uFEFF")) at_ = 3;  // a byte order mark
    while (skip_blanks()) scan();
    close_brackets(0, "the end of the file", {file_, end_of_last(), end_of_last()});
    end_line(true);
    push(TokenKind::End, static_cast<std::uint32_t>(text_.size()));
    return std::move(stream_);
  }

 private:
  // Blanks, newlines and comments; false at the end of the text.
  bool skip_blanks() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        at_line_start_ = true;
        is_line_blank_ = true;
        ++at_;
      } else if (c == ' ' || c == '\t' || c == '\r') {
        ++at_;
      } else if (c == '#') {
        const std::uint32_t begin = at_;
        at_ = static_cast<std::uint32_t>(std::min(text_.find('\n', at_), text_.size()));
        std::uint32_t end = at_;
        while (std::isspace(static_cast<unsigned char>(text_[end - 1])) != 0) --end;
        stream_.comments.push_back({{file_, begin, end}, is_line_blank_});
      } else {
        return true;
      }
    }
    return false;
  }

  void scan() {
    const char c = text_[at_];
    if (is_letter(c)) return word();
    if (is_digit(c)) return number();
    if (c == '"') return quoted();
    for (const std::string_view symbol : kSymbols) {
      if (text_.substr(at_).starts_with(symbol)) return this->symbol(symbol);
    }
    invalid();
  }

  void word() {
    std::uint32_t end = at_;
    while (end < text_.size() && is_word(text_[end])) ++end;
    const std::string_view text = text_.substr(at_, end - at_);
    if (at_line_start_ && contains(kLineStarts, text)) {
      const auto is_open = [&](std::string_view bracket) { return contains(kItemStarts, text) || bracket != "{"; };
      std::size_t keep = open_.size();
      while (keep > 0 && is_open(open_[keep - 1].text)) --keep;
      close_brackets(keep, fmt::format("`{}`", text), {file_, at_, end});
    }
    if (text == "if" && !open_.empty()) ++open_.back().conditions;
    push(is_reserved(text) ? TokenKind::Keyword : TokenKind::Identifier, end);
  }

  // NUMBER = digits [ "." digits ] [ ("e"|"E") [ "+"|"-" ] digits ]
  void number() {
    std::uint32_t end = at_;
    const auto digits = [&] {
      while (end < text_.size() && is_digit(text_[end])) ++end;
    };
    const auto has = [&](std::uint32_t i, std::string_view set) {
      return i < text_.size() && set.find(text_[i]) != std::string_view::npos;
    };
    bool is_real = false;
    digits();
    if (has(end, ".") && end + 1 < text_.size() && is_digit(text_[end + 1])) {
      is_real = true;
      ++end;
      digits();
    }
    if (has(end, "eE")) {
      const std::uint32_t exponent = end + (has(end + 1, "+-") ? 2 : 1);
      if (exponent < text_.size() && is_digit(text_[exponent])) {
        is_real = true;
        end = exponent;
        digits();
      }
    }
    if (end < text_.size() && is_word(text_[end])) {
      while (end < text_.size() && is_word(text_[end])) ++end;
      diagnostics_.report(Kind::malformed_number, {file_, at_, end}, text_.substr(at_, end - at_));
      return push(TokenKind::Invalid, end);
    }
    const char* first = text_.data() + at_;
    const char* last = text_.data() + end;
    double real = 0;
    long long integer = 0;
    const std::from_chars_result read =
        is_real ? std::from_chars(first, last, real) : std::from_chars(first, last, integer);
    if (read.ec == std::errc::result_out_of_range) {
      diagnostics_.report(Kind::number_out_of_range, {file_, at_, end}, is_real ? "a double" : "64 bits");
      return push(TokenKind::Invalid, end);
    }
    push(is_real ? TokenKind::Real : TokenKind::Integer, end);
  }

  // TEXT = '"' { character | "\n" | "\t" | '\"' | "\\" } '"', on one line
  void quoted() {
    std::uint32_t end = at_ + 1;
    bool is_valid = true;
    while (end < text_.size() && text_[end] != '"' && text_[end] != '\n') {
      std::uint32_t length = utf8::decode(text_, end).length;
      if (!utf8::decode(text_, end).is_valid) {
        diagnostics_.report(Kind::invalid_utf8, {file_, end, end + 1}, byte_name(end));
        is_valid = false;
      } else if (text_[end] == '\\' && end + 1 < text_.size() && text_[end + 1] != '\n') {
        length = 1 + utf8::decode(text_, end + 1).length;
        if (std::string_view("nt\"\\").find(text_[end + 1]) == std::string_view::npos) {
          diagnostics_.report(Kind::unknown_escape, {file_, end, end + length}, text_.substr(end, length));
          is_valid = false;
        }
      }
      end += length;
    }
    if (end >= text_.size() || text_[end] != '"') {
      diagnostics_.report(Kind::unterminated_text, {file_, at_, end});
      return push(TokenKind::Invalid, end);
    }
    push(is_valid ? TokenKind::Text : TokenKind::Invalid, end + 1);
  }

  // `// …` where no line can go on: meant as a comment, and left out as one.
  bool is_foreign_comment(std::string_view symbol) const {
    if (symbol != "//" || !(at_line_start_ || stream_.tokens.empty())) return false;
    return stream_.tokens.empty() || stream_.tokens.back().text == "{" || stream_.tokens.back().text == "}";
  }

  void symbol(std::string_view symbol) {
    const std::uint32_t end = at_ + static_cast<std::uint32_t>(symbol.size());
    if (is_foreign_comment(symbol)) {
      diagnostics_.report(Kind::unexpected_character, {file_, at_, end}, "`//`; a comment begins with `#`")
          .fixit({file_, at_, end}, "#");
      at_ = static_cast<std::uint32_t>(std::min(text_.find('\n', at_), text_.size()));
      return;
    }
    if (symbol == ";" && (open_.empty() || open_.back().text == "{")) {
      end_line(false);
      is_line_blank_ = false;
      at_ = end;
      return;
    }
    if (symbol == ")" || symbol == "]" || symbol == "}") {
      const auto match = std::find_if(open_.rbegin(), open_.rend(),
                                      [&](const Opening& opening) { return closing(opening.text) == symbol; });
      if (match == open_.rend()) {
        diagnostics_.report(Kind::unmatched_bracket, {file_, at_, end}, symbol);
        at_ = end;
        return;
      }
      close_brackets(static_cast<std::size_t>(open_.rend() - match), fmt::format("`{}`", symbol), {file_, at_, end});
      // A newline before the bracket ends the last line of a block, and means nothing in '(' and '['.
      if (at_line_start_) end_line(true);
      at_line_start_ = false;
      open_.pop_back();
      return push(TokenKind::Symbol, end);
    }
    if (symbol == "{") close_before_block(end);
    push(TokenKind::Symbol, end);
    if (symbol == "(" || symbol == "[" || symbol == "{") open_.push_back({symbol, stream_.tokens.back().span});
  }

  // `f(x: f32[3] {`: inside '(' and '[' a '{' begins an operand (a lambda) or follows `if …` or `else`.
  void close_before_block(std::uint32_t end) {
    if (open_.empty() || stream_.tokens.empty()) return;
    const Token& last = stream_.tokens.back();
    const bool is_after_operand = last.kind == TokenKind::Identifier || last.kind == TokenKind::Integer ||
                                  last.kind == TokenKind::Real || last.kind == TokenKind::Text || last.text == ")" ||
                                  last.text == "]" || last.text == "true" || last.text == "false";
    if (!is_after_operand) return;
    std::size_t keep = open_.size();
    while (keep > 0 && open_[keep - 1].text != "{" && open_[keep - 1].conditions == 0) --keep;
    close_brackets(keep, "`{`", {file_, at_, end});
    if (!open_.empty() && open_.back().conditions > 0) --open_.back().conditions;
  }

  // A run of what is no token is reported once, with the repair where it is certain.
  void invalid() {
    for (const Lookalike& lookalike : kLookalikes) {
      if (!text_.substr(at_).starts_with(lookalike.written)) continue;
      const Span span = {file_, at_, at_ + static_cast<std::uint32_t>(lookalike.written.size())};
      diagnostics_.report(Kind::unexpected_character, span, fmt::format("`{}`", lookalike.written))
          .fixit(span, spaced(lookalike.meant, span));
      return push(TokenKind::Invalid, span.end);
    }
    const utf8::CodePoint first = utf8::decode(text_, at_);
    std::uint32_t end = at_ + first.length;
    while (end < text_.size() && is_foreign(end)) end += utf8::decode(text_, end).length;
    const Span span = {file_, at_, end};
    if (!first.is_valid) {
      diagnostics_.report(Kind::invalid_utf8, span, byte_name(at_));
    } else if (first.value < 0x20 || first.value == 0x7F) {
      diagnostics_.report(Kind::unexpected_character, span,
                          fmt::format("U+{:04X}", static_cast<unsigned>(first.value)));
    } else {
      diagnostics_.report(Kind::unexpected_character, span, fmt::format("`{}`", text_.substr(at_, first.length)));
    }
    push(TokenKind::Invalid, end);
  }

  // A word needs blanks between it and its neighbours.
  std::string spaced(std::string_view meant, Span span) const {
    if (!is_letter(meant.front())) return std::string(meant);
    const bool has_word_before = span.begin > 0 && is_word(text_[span.begin - 1]);
    const bool has_word_after = span.end < text_.size() && is_word(text_[span.end]);
    return fmt::format("{}{}{}", has_word_before ? " " : "", meant, has_word_after ? " " : "");
  }

  bool is_foreign(std::uint32_t offset) const {
    const char c = text_[offset];
    if (is_word(c) || std::string_view(" \t\r\n#\"").find(c) != std::string_view::npos) return false;
    return std::none_of(kSymbols.begin(), kSymbols.end(), [&](std::string_view symbol) { return symbol.front() == c; });
  }

  std::string byte_name(std::uint32_t offset) const {
    return fmt::format("0x{:02X}", static_cast<unsigned>(static_cast<unsigned char>(text_[offset])));
  }

  // Adds the closing brackets that are missing, down to `keep` open ones; reported together, at what shows it.
  void close_brackets(std::size_t keep, const std::string& before, Span place) {
    if (open_.size() <= keep) return;
    Diagnostic& report = diagnostics_.report(Kind::unclosed_bracket, place, closing(open_.back().text), before);
    while (open_.size() > keep) {
      const Opening opening = open_.back();
      report.note(opening.span, fmt::format("`{}` opened here", opening.text));
      open_.pop_back();
      const std::uint32_t end = end_of_last();
      stream_.tokens.push_back({TokenKind::Symbol, {file_, end, end}, closing(opening.text), depth(), true, false});
    }
  }

  // The end of a line, by a newline (unless the rule says otherwise) or by ';'.
  void end_line(bool by_newline) {
    if (!open_.empty() && open_.back().text != "{") return;
    if (stream_.tokens.empty()) return;
    const Token& last = stream_.tokens.back();
    if (last.kind == TokenKind::LineEnd || (last.text == "{" && last.kind == TokenKind::Symbol)) return;
    if (by_newline && last.kind != TokenKind::Text && (contains(kInfix, last.text) || contains(kContinuing, last.text)))
      return;
    const std::uint32_t end = end_of_last();
    const Span span = by_newline ? Span{file_, end, end} : Span{file_, at_, at_ + 1};
    stream_.tokens.push_back({TokenKind::LineEnd, span, ";", depth(), false, by_newline});
  }

  void push(TokenKind kind, std::uint32_t end) {
    const std::string_view text = text_.substr(at_, end - at_);
    const bool continues = text == "else" || (text != "-" && contains(kInfix, text));
    if (at_line_start_ && !continues) end_line(true);
    at_line_start_ = false;
    is_line_blank_ = false;
    stream_.tokens.push_back({kind, {file_, at_, end}, text, depth(), false, false});
    at_ = end;
  }

  std::int32_t depth() const { return static_cast<std::int32_t>(open_.size()); }
  std::uint32_t end_of_last() const { return stream_.tokens.empty() ? 0 : stream_.tokens.back().span.end; }

  std::string_view text_;
  std::int32_t file_;
  Diagnostics& diagnostics_;
  TokenStream stream_;
  std::vector<Opening> open_;  // brackets not yet closed
  std::uint32_t at_ = 0;
  bool at_line_start_ = false;  // a newline since the last token
  bool is_line_blank_ = true;   // no token yet on this line: a comment here stands alone
};

}  // namespace

TokenStream lex(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics) {
  return Lexer(sources, file, diagnostics).run();
}

bool is_reserved(std::string_view word) { return contains(kReserved, word); }

bool is_identifier(std::string_view word) {
  return !word.empty() && is_letter(word.front()) && std::all_of(word.begin(), word.end(), is_word) &&
         !is_reserved(word);
}

}  // namespace nnc
