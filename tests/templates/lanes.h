// Compiles the cases as emitted files are compiled: by pragma for their target, contraction off, in a namespace of
// their own. The including file defines NNC_LANES, NNC_FMA, NNC_TEST_NAMESPACE and NNC_TEST_TARGET.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "tests/templates/naive.h"
#include "tests/templates/report.h"

#define NNC_TEST_PRAGMA(text) _Pragma(#text)
#define NNC_TEST_GCC_TARGET(target_name) NNC_TEST_PRAGMA(GCC target(target_name))
#define NNC_TEST_CLANG_TARGET(target_name) \
  NNC_TEST_PRAGMA(clang attribute push(__attribute__((target(target_name))), apply_to = function))
#if defined(__clang__)
#pragma clang fp contract(off)
NNC_TEST_CLANG_TARGET(NNC_TEST_TARGET)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=off")
NNC_TEST_GCC_TARGET(NNC_TEST_TARGET)
#endif
namespace NNC_TEST_NAMESPACE {
#include "tests/templates/cases.h"
#include "tests/templates/math_cases.h"
#include "tests/templates/window_cases.h"
}  // namespace NNC_TEST_NAMESPACE
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
