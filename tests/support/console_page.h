// Pages that show commands and files, checked by doing what they say: the steps of tutorial/.
//
//   ```console                      a fence of commands, which run in the page's folder, one after the other
//   $ nnc run neuron.nn --input x=x.csv
//   y: f32, 3 examples              what it prints, on standard output and error, up to the next command or the fence
//   ...
//   ```
//   ```nn neuron.nn                 a fence with a file's name: what that file holds at this point of the page
//   ```
//
// A line `...` stands for one or more lines, `...` within a line for any text: for what differs between machines or is
// too long to be read. A command may go on in the next line after a `\`. It fails exactly if what it prints has
// `error:`.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace nnc::console_page {

struct Outcome {
  std::string output;  // standard output and error together
  int status = 0;
};
using Runner = std::function<Outcome(const std::string& command)>;
using Reader = std::function<std::string(const std::string& file)>;

// Whether the text is what a page shows, `...` standing for anything.
bool matches(const std::string& shown, const std::string& text);

struct Followed {
  std::string page;                   // as it should be: what did not match replaced by what came
  std::vector<std::string> problems;  // each with its line; none: the page is right
};
// Does all that the page shows, in order.
Followed follow(const std::string& page, const Runner& run, const Reader& read);

}  // namespace nnc::console_page
