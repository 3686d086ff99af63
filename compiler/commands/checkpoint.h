// A training run on file, so that it can go on to the same bits: where it stands, and all that it has learned.
//
// Tensors of the file: "parameters/<path>" and "state/<path>" of the stage that runs, "best/<path>" its parameters in
// the best epoch (--maximum, --minimum), "learned/<path>" what the stages before it have left. The rest is metadata.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "compiler/commands/session.h"
#include "compiler/commands/training_run.h"
#include "compiler/interop/safetensors.h"

namespace nnc {

// What a run has in common with the one that it goes on from: with anything else it would not take the same steps.
struct Identity {
  const char* key;
  std::string value;
  std::string advice;  // what to do where it differs
};

// The epoch of a stage whose parameters are kept, if a metric chooses it.
struct Best {
  std::int64_t epoch = -1;  // from 0; -1: none yet
  double value = 0;         // of the metric
  std::vector<std::byte> parameters;
};

// Values by path that stages have left.
struct Learned {
  Type type;
  std::vector<std::byte> bytes;
};
using LearnedValues = std::map<std::string, Learned>;

struct Position {
  std::string stage;
  EpochPlace place;
};

Status write_checkpoint(const std::string& path, Session& session, const std::vector<Identity>& identity,
                        const Position& position, const Best& best, const LearnedValues& learned);

class Checkpoint {
 public:
  static Result<Checkpoint> read(const std::string& path);

  const Position& position() const { return position_; }
  LearnedValues learned() const;
  // An error that names what differs.
  Status check(const std::vector<Identity>& identity) const;
  // Fills the session's parameters and state, and `best`.
  Status restore(Session& session, Best& best) const;

 private:
  std::string metadata(const std::string& key) const;
  Status load(const StructLayout& layout, const std::string& prefix, std::span<std::byte> target) const;

  std::string path_;
  Safetensors file_;
  Position position_;
};

}  // namespace nnc
