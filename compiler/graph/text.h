// The words of the textual form of graphs, shared by print.cpp and parse.cpp.
#pragma once

#include <string>

namespace nnc::graph_text {

bool is_word_start(char c);
bool is_word_part(char c);
std::string quoted(const std::string& text);
// As it stands if it is a word: letters, digits, `_`, `.` and `:`, beginning with a letter or `_`.
std::string word_or_quoted(const std::string& text);

}  // namespace nnc::graph_text
