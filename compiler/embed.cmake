# nnc_embed(TARGET NAMESPACE_FUNCTION FILES…): compiles text files into TARGET.
#
# Generates a source that defines `std::span<const nnc::EmbeddedFile> nnc::FUNCTION()` (see compiler/embedded.h);
# a file's name is its path below the source root. Run again as a script (-P) at build time, so that an edit of a
# file rebuilds the target.
if(CMAKE_SCRIPT_MODE_FILE)
  set(body "")
  string(REPLACE "," ";" NNC_FILES "${NNC_FILES}")
  foreach(file IN LISTS NNC_FILES)
    file(READ ${NNC_ROOT}/${file} text)
    string(APPEND body "    {\"${file}\", R\"nnc_text(${text})nnc_text\"},\n")
  endforeach()
  file(WRITE ${NNC_OUTPUT} "#include <vector>\n\n#include \"compiler/embedded.h\"\n\nnamespace nnc {\nstd::span<const EmbeddedFile> ${NNC_FUNCTION}() {\n  static const std::vector<EmbeddedFile> files = {\n${body}  };\n  return files;\n}\n}  // namespace nnc\n")
  return()
endif()

set(NNC_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})
function(nnc_embed target function)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  set(depends "")
  foreach(file IN LISTS ARGN)
    list(APPEND depends ${PROJECT_SOURCE_DIR}/${file})
  endforeach()
  string(REPLACE ";" "," files "${ARGN}")  # a semicolon would not survive the command line
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DNNC_ROOT=${PROJECT_SOURCE_DIR} -DNNC_OUTPUT=${output} -DNNC_FUNCTION=${function}
            "-DNNC_FILES=${files}" -P ${NNC_EMBED_SCRIPT}
    DEPENDS ${depends} ${NNC_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
