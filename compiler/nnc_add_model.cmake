# nnc_add_model(TARGET MODEL.nn [WEIGHTS FILE.safetensors] [NAMESPACE NAME] [TARGET TARGET-NAME] [OPTIONS …] [DEPENDS …])
#
# Compiles a model to C++ when the project is built and makes of it the static library TARGET:
#
#   find_package(nnc REQUIRED)                        # or add_subdirectory(nnc)
#   nnc_add_model(digits model.nn WEIGHTS digits.safetensors)
#   target_link_libraries(app PRIVATE digits)         # app.cpp: #include "digits.hpp"
#
# The files are named after the target. They are made again when the model, the weights, one of DEPENDS (models that
# MODEL imports) or nnc itself changes. TARGET: the machine, as in `nnc --target`; OPTIONS: further options of nnc.
# When cross-compiling, set NNC_EXECUTABLE to an nnc that runs on the build machine.
#
# The library is compiled with optimisation even where the project is not: emitted kernels count on a compiler that
# keeps their tiles in registers, and without it they are some fifty times slower.
function(nnc_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "WEIGHTS;NAMESPACE;TARGET" "OPTIONS;DEPENDS")
  if(arg_UNPARSED_ARGUMENTS OR arg_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "nnc_add_model(${target} …): not understood: ${arg_UNPARSED_ARGUMENTS} ${arg_KEYWORDS_MISSING_VALUES}")
  endif()
  cmake_path(ABSOLUTE_PATH model BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})

  if(NNC_EXECUTABLE)
    set(nnc ${NNC_EXECUTABLE})
    set(nnc_dependency ${NNC_EXECUTABLE})
  elseif(TARGET nnc::nnc)
    set(nnc $<TARGET_FILE:nnc::nnc>)
    set(nnc_dependency nnc::nnc)
  else()
    message(FATAL_ERROR "nnc_add_model: there is no nnc; use find_package(nnc), add_subdirectory, or set NNC_EXECUTABLE")
  endif()

  set(options ${arg_OPTIONS})
  set(dependencies ${model} ${nnc_dependency})
  if(arg_WEIGHTS)
    cmake_path(ABSOLUTE_PATH arg_WEIGHTS BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND options --weights ${arg_WEIGHTS})
    list(APPEND dependencies ${arg_WEIGHTS})
  endif()
  if(arg_NAMESPACE)
    list(APPEND options --namespace ${arg_NAMESPACE})
  endif()
  if(arg_TARGET)
    list(APPEND options --target ${arg_TARGET})
  endif()
  foreach(file IN LISTS arg_DEPENDS)
    cmake_path(ABSOLUTE_PATH file BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND dependencies ${file})
  endforeach()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.nnc)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${folder}/${target}.cpp ${folder}/${target}.hpp
    COMMAND ${nnc} ${model} -o ${folder}/${target}.cpp ${options}
    DEPENDS ${dependencies}
    COMMENT "Compiling ${model} to C++"
    VERBATIM)
  add_library(${target} STATIC ${folder}/${target}.cpp ${folder}/${target}.hpp)
  target_include_directories(${target} PUBLIC ${folder})
  if("--runtime=include" IN_LIST arg_OPTIONS)
    target_link_libraries(${target} PRIVATE nnc::runtime)
  endif()
  target_compile_features(${target} PUBLIC cxx_std_17)
  target_compile_options(${target} PRIVATE
    $<$<AND:$<CXX_COMPILER_ID:GNU,Clang,AppleClang>,$<NOT:$<CONFIG:Release,RelWithDebInfo,MinSizeRel>>>:-O2>)
endfunction()
