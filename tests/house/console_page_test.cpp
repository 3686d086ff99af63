// The checker of pages: what it takes for right, what it finds, what it writes instead.
#include "tests/support/console_page.h"

#include <doctest/doctest.h>

namespace nnc::console_page {
namespace {

TEST_CASE("... stands for lines, or for a part of one, and nothing else is forgiven") {
  CHECK(matches("a\nb\n", "a\nb\n"));
  CHECK_FALSE(matches("a\nb\n", "a\nc\n"));
  CHECK_FALSE(matches("a\n", "a\nb\n"));
  CHECK_FALSE(matches("a\nb\n", "a\n"));
  CHECK(matches("loss 0.5  ... s\n", "loss 0.5  0.01 s\n"));
  CHECK_FALSE(matches("loss 0.5  ... s\n", "loss 0.6  0.01 s\n"));
  CHECK_FALSE(matches("a ... b\n", "a 1 b and more\n"));
  CHECK(matches("a\n...\nb\n", "a\n1\n2\nb\n"));
  CHECK_FALSE(matches("a\n...\nb\n", "a\nb\n"));
  CHECK(matches("...\nb\n...\nd\n", "a\nb\nb\nc\nd\n"));
}

TEST_CASE("a page is followed in order, and what is wrong is replaced") {
  std::vector<std::string> commands;
  const Runner run = [&](const std::string& command) -> Outcome {
    commands.push_back(command);
    if (command == "bad") return {"error: no\n", 1};
    if (command == "train") return {"1  0.01 s\n2  0.02 s\n3  0.03 s\n", 0};
    return {"ran " + command + "\n", 0};
  };
  const Reader read = [&](const std::string& file) { return file + " after " + commands.back() + "\n"; };
  const std::string right =
      "# Text\n```console\n$ one \\\n  two\nran one   two\n$ bad\nerror: no\n```\n```nn m.nn\nm.nn after "
      "bad\n```\nend\n";
  const Followed good = follow(right, run, read);
  CHECK(good.problems.empty());
  CHECK(good.page == right);
  CHECK(commands == std::vector<std::string>{"one   two", "bad"});

  const Followed bad =
      follow("```console\n$ x\nran y\n$ train\n1  ... s\n...\n4  ... s\n```\n```cpp f.cpp\nf\n```\n```\nfree\n```\n",
             run, read);
  CHECK(bad.problems.size() == 4);
  CHECK(bad.page ==
        "```console\n$ x\nran x\n$ train\n1  ... s\n...\n3  ... s\n```\n```cpp f.cpp\nf.cpp after train\n```\n"
        "```\nfree\n```\n");
}

TEST_CASE("what is left out in two places is for the writer to write anew") {
  const std::string page = "```cpp f.cpp\n...\nint x;\n...\n```\n";
  const Followed followed = follow(page, nullptr, [](const std::string&) { return std::string("a\nint y;\nb\n"); });
  CHECK(followed.problems.size() == 1);
  CHECK(followed.page == page);
}

TEST_CASE("a command that fails without saying so, or says so and does not, is a problem") {
  const Reader read = [](const std::string&) { return std::string(); };
  const std::string page = "```console\n$ a\nout\n```\n";
  CHECK(follow(page, [](const std::string&) { return Outcome{"out\n", 3}; }, read).problems.size() == 1);
  CHECK(follow(
            "```console\n$ a\nerror: x\n```\n", [](const std::string&) { return Outcome{"error: x\n", 0}; }, read)
            .problems.size() == 1);
}

}  // namespace
}  // namespace nnc::console_page
