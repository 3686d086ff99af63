#include "compiler/commands/onnxruntime.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "compiler/interop/file.h"
#include "compiler/interop/npy.h"

extern char** environ;

namespace nnc {
namespace {

constexpr int kNoPackage = 3;  // exit status of the script
constexpr int kNoProgram = 127;

constexpr const char* kScript = R"(
import json, os, sys
try:
    import numpy, onnxruntime
except ImportError as error:
    print(error)
    sys.exit(3)

folder = sys.argv[1]
with open(os.path.join(folder, "job.json")) as file:
    job = json.load(file)
options = onnxruntime.SessionOptions()
options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
options.log_severity_level = 4
model = job["model"]
if job["folder"]:
    options.add_session_config_entry("session.model_external_initializers_file_folder_path", job["folder"])
    with open(model, "rb") as file:
        model = file.read()
try:
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    for number, inputs in enumerate(job["calls"]):
        given = {name: numpy.load(os.path.join(folder, file)) for name, file in inputs.items()}
        for place, result in enumerate(session.run(job["outputs"], given)):
            numpy.save(os.path.join(folder, f"y{number}_{place}.npy"), numpy.asarray(result))
except Exception as error:
    print(" ".join(str(error).split()))
    sys.exit(1)
print(onnxruntime.__version__)
)";

// A folder that is gone with what is in it when the run is over.
class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "nnc-XXXXXX").string()) {
    exists_ = mkdtemp(path_.data()) != nullptr;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    if (exists_) std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  bool exists() const { return exists_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool exists_ = false;
};

// The exit status of the script, which writes to the file `log`; 127 if there is no such Python.
int run_script(const std::string& python, const std::string& folder, const std::string& log) {
  std::vector<std::string> words = {python, "-c", kScript, folder};
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child = 0;
  const int error = posix_spawnp(&child, python.c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return kNoProgram;
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

std::string last_line(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) last = line;
  }
  return last;
}

Status write_job(const TemporaryFolder& folder, const OnnxRuntimeRun& run) {
  std::string model = std::filesystem::absolute(run.model).string();
  if (!run.folder.empty()) {
    model = folder.file("model.onnx");
    const Status written = write_file(model, run.model);
    if (!written) return written;
  }
  const std::string data = run.folder.empty() ? "" : std::filesystem::absolute(run.folder).string();
  nlohmann::json calls = nlohmann::json::array();
  for (std::size_t call = 0; call < run.calls.size(); ++call) {
    nlohmann::json& files = calls.emplace_back(nlohmann::json::object());
    for (const auto& [name, value] : run.calls[call]) {
      const std::string file = fmt::format("x{}_{}.npy", call, files.size());
      const Result<Array> array = array_from_tensor(name, value);
      if (!array) return array.failure();
      const Status written = write_npy(folder.file(file), *array);
      if (!written)
        return Failure{fmt::format("input {} cannot be given to ONNX Runtime: {}", quote(name), written.error())};
      files[name] = file;
    }
  }
  const nlohmann::json job = {{"model", model}, {"folder", data}, {"calls", calls}, {"outputs", run.outputs}};
  return write_file(folder.file("job.json"), job.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

}  // namespace

std::string chosen_python(const std::string& option) {
  if (!option.empty()) return option;
  const char* const from_environment = std::getenv("NNC_PYTHON");
  return from_environment != nullptr && *from_environment != 0 ? from_environment : "python3";
}

Result<OnnxRuntimeResults> run_onnxruntime(const std::string& python, const OnnxRuntimeRun& run) {
  const TemporaryFolder folder;
  if (!folder.exists())
    return Failure{"cannot make a folder for temporary files: " + std::string(std::strerror(errno))};
  const Status written = write_job(folder, run);
  if (!written) return written.failure();
  const std::string log = folder.file("log");
  const int status = run_script(python, folder.path(), log);
  constexpr const char* kOther = "choose another Python with --python or NNC_PYTHON";
  if (status == kNoProgram) return Failure{fmt::format("there is no Python {}; {}", quote(python), kOther)};
  if (status == kNoPackage) {
    return Failure{fmt::format("{} does not have ONNX Runtime ({}); 'pip install onnxruntime', or {}", quote(python),
                               last_line(log), kOther)};
  }
  if (status != 0) return Failure{"ONNX Runtime does not run the model: " + last_line(log)};
  OnnxRuntimeResults results;
  results.version = last_line(log);
  for (std::size_t call = 0; call < run.calls.size(); ++call) {
    std::vector<Array>& outputs = results.calls.emplace_back();
    for (std::size_t i = 0; i < run.outputs.size(); ++i) {
      const Result<FileBytes> file = map_file(folder.file(fmt::format("y{}_{}.npy", call, i)));
      if (!file) return file.failure();
      const Result<Array> array = parse_npy(*file, "ONNX Runtime: output " + quote(run.outputs[i]));
      if (!array) return array.failure();
      outputs.push_back(*array);
    }
  }
  return results;
}

}  // namespace nnc
