#!/bin/sh
# Takes the place of nnc: writes a header and a source that tell with which options it was called.
model=$1
output=$3
shift 3
printf 'const char* options();\n' > "${output%.cpp}.hpp"
printf '#include "%s"\nconst char* options() { return "%s %s"; }\n' "$(basename "${output%.cpp}.hpp")" \
  "$(basename "$model")" "$*" > "$output"
echo called >> "$(dirname "$output")/calls"
