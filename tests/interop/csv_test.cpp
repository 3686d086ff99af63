// CSV: packing, headers, quotes; every error with its line and column.
#include "compiler/interop/csv.h"

#include "tests/interop/support.h"

namespace nnc::test {
namespace {

Result<std::vector<Array>> parse(std::string_view text, const std::vector<ColumnBinding>& bindings,
                                 char delimiter = ',') {
  return parse_csv(file_bytes(text, "t.csv"), delimiter, bindings);
}

TEST_CASE("csv: columns are packed into arrays") {
  const Result<std::vector<Array>> arrays = parse("1,2,3\n4,5,6\n", {{"x", "0:2"}, {"y", "2"}, {"z", "2+0:1"}});
  REQUIRE(arrays);
  REQUIRE(arrays->size() == 3);
  CHECK(arrays->at(0).shape == Shape{2, 2});
  CHECK(elements<double>(arrays->at(0)) == std::vector<double>{1, 2, 4, 5});
  CHECK(arrays->at(1).shape == Shape{2});
  CHECK(elements<double>(arrays->at(1)) == std::vector<double>{3, 6});
  CHECK(arrays->at(2).shape == Shape{2, 2});
  CHECK(elements<double>(arrays->at(2)) == std::vector<double>{3, 1, 6, 4});
  CHECK(arrays->at(0).from_text);
  CHECK(arrays->at(0).place == "t.csv: array 'x'");
}

TEST_CASE("csv: a header names columns, quotes and line ends are as RFC 4180 has them") {
  const std::string text =
      "\xEF\xBB\xBF\"width, \"\"cm\"\"\",height,kind\r\n"
      "1.5,-2e3,\"a \"\"quoted\"\"\nword\"\r\n"
      "\r\n"
      "\"+3\", nan ,b";
  const Result<std::vector<Array>> arrays = parse(text, {{"x", "0..height"}, {"h", "height"}});
  REQUIRE(arrays);
  CHECK(arrays->at(0).shape == Shape{2, 2});
  const std::vector<double> values = elements<double>(arrays->at(0));
  CHECK(values[0] == 1.5);
  CHECK(values[1] == -2000);
  CHECK(values[2] == 3);
  CHECK(values[3] != values[3]);

  const Result<std::vector<Array>> all = parse("a,b\n1,2\n", {});
  REQUIRE(all);
  CHECK(all->at(1).name == "b");
  CHECK(all->at(1).shape == Shape{1});
  const Result<std::vector<Array>> tabs = parse("1\t2\n", {{"x", ":"}}, '\t');
  REQUIRE(tabs);
  CHECK(tabs->at(0).shape == Shape{1, 2});
}

TEST_CASE("csv: errors name line and column") {
  const std::tuple<std::string, std::string, std::string> cases[] = {
      {"1,2\n3,x\n", "0:2", "2:3: column 1 is 'x', not a number"},
      {"a,b\n1,2\n3,\n", "0:2", "3:3: 'b' is empty; a number is needed"},
      {"1,2\n3,1e999\n", "0:2", "2:3: column 1 is '1e999', which is beyond what f64 can hold"},
      {"1,2\n3\n", "0", "2:1: has 1 fields, but the first line has 2"},
      {"1,2\n3,\"4\n", "0", "2:3: the quote that begins here is never closed"},
      {"1,2\n3,\"4\"5\n", "0", "2:6: something follows the closing quote"},
      {"1,2\n3,4\"5\n", "0", "2:4: a quote within a field; put the whole field in quotes and double this one"},
      {"", "0", " has no line with numbers"},
      {"1,2\n", "0:3", " array 'x' selects columns '0:3', but there are columns 0 to 1"},
      {"1,2\n", "2", " array 'x' selects column 2, but there are columns 0 to 1"},
      {"1,2\n", "a", " array 'x' selects column 'a', but the file has no header line; select by number"},
      {"height,width\n1,2\n", "heigth",
       " array 'x' selects column 'heigth', but the header does not name it; did you mean 'height'?"},
      {"a,a\n1,2\n", "a", " array 'x' selects column 'a', but two have this name; select it by number"},
      {"a,b\n1,2\n", "b..a", " array 'x' selects 'b..a', whose end lies before its beginning"},
      {"1,2\n", "0:x", " array 'x' selects '0:x'; a range of numbers reads 0:64, one of names first..last"},
  };
  for (const auto& [text, selection, error] : cases) {
    CHECK(parse(text, {{"x", selection}}).error() == "t.csv:" + error);
  }
  CHECK(parse("1,2\n", {}).error() ==
        "t.csv: has no header line that names its 2 columns: say which make an array, as in t.csv:image=0:64,label=64");
}

TEST_CASE("csv: what is written is a line for each index of axis 0, and reads back as the same numbers") {
  const TemporaryFolder folder;
  const std::string path = folder.file("y.csv");
  const float floats[] = {0.1f, 1e-30f, -16777216, 3, 0x1p-149f, -0.0f};
  Array array{"y", ElementType::F32, {2, 3}, std::as_bytes(std::span(floats)), nullptr, "y", false};
  REQUIRE(write_csv(path, array));
  CHECK(content(path) == "0.1,1e-30,-16777216\n3,1e-45,-0\n");
  const Result<std::vector<Array>> read = parse(content(path), {{"y", "0:"}});
  REQUIRE(read);
  const std::vector<double> values = elements<double>(read->at(0));
  for (std::size_t i = 0; i < values.size(); ++i) CHECK(static_cast<float>(values[i]) == floats[i]);
  array.shape = {6};
  REQUIRE(write_csv(path, array));
  CHECK(content(path) == "0.1\n1e-30\n-16777216\n3\n1e-45\n-0\n");
  const std::int64_t whole[] = {9223372036854775807};
  REQUIRE(write_csv(path, {"n", ElementType::I64, {}, std::as_bytes(std::span(whole)), nullptr, "n", false}));
  CHECK(content(path) == "9223372036854775807\n");
}

}  // namespace
}  // namespace nnc::test
