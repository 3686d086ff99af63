// Tokens to the syntax tree, by the grammar of grammar.md; one function a production.
//
// All errors of a file are reported in one run. A statement with an error is left out of the tree, so a tree is whole
// only if nothing was reported: do not use the tree of a file with errors.
#pragma once

#include "compiler/diagnostics/diagnostics.h"
#include "dsl/ast.h"

namespace nnc::ast {

File parse(const SourceManager& sources, std::int32_t file, Diagnostics& diagnostics);

}  // namespace nnc::ast
