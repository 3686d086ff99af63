# The ONNX schema (onnx-ml.proto), taken from the PyPI package `onnx` at configure time, and the library that protoc
# makes of it. It is never part of this repository.
set(NNC_ONNX_SCHEMA "" CACHE FILEPATH "onnx-ml.proto; empty: the one of the PyPI package")
set(NNC_ONNX_VERSION 1.23.2)

find_package(Protobuf REQUIRED)

if(NOT NNC_ONNX_SCHEMA)
  set(folder ${PROJECT_BINARY_DIR}/onnx-${NNC_ONNX_VERSION})
  if(NOT EXISTS ${folder}/onnx/onnx-ml.proto)
    find_program(NNC_PYTHON python3 REQUIRED)
    execute_process(COMMAND ${NNC_PYTHON} -m pip download --quiet --no-deps --only-binary=:all: --dest ${folder}
                            onnx==${NNC_ONNX_VERSION} RESULT_VARIABLE failed ERROR_VARIABLE message)
    file(GLOB wheel ${folder}/onnx-*.whl)
    if(failed OR NOT wheel)
      message(FATAL_ERROR "The ONNX schema cannot be fetched (python3 -m pip download onnx==${NNC_ONNX_VERSION}); give "
                          "the file by -DNNC_ONNX_SCHEMA=…/onnx-ml.proto\n${message}")
    endif()
    file(ARCHIVE_EXTRACT INPUT ${wheel} DESTINATION ${folder} PATTERNS onnx/onnx-ml.proto)
  endif()
  set(NNC_ONNX_SCHEMA_USED ${folder}/onnx/onnx-ml.proto)
else()
  set(NNC_ONNX_SCHEMA_USED ${NNC_ONNX_SCHEMA})
endif()

set(generated ${CMAKE_CURRENT_BINARY_DIR}/onnx_schema)
get_filename_component(schema_folder ${NNC_ONNX_SCHEMA_USED} DIRECTORY)
file(MAKE_DIRECTORY ${generated})
add_custom_command(OUTPUT ${generated}/onnx-ml.pb.cc ${generated}/onnx-ml.pb.h ${generated}/onnx-ml.desc
  COMMAND protobuf::protoc --proto_path=${schema_folder} --cpp_out=${generated}
          --descriptor_set_out=${generated}/onnx-ml.desc ${NNC_ONNX_SCHEMA_USED}
  DEPENDS ${NNC_ONNX_SCHEMA_USED} VERBATIM)
add_library(nnc_onnx_schema STATIC ${generated}/onnx-ml.pb.cc)
target_include_directories(nnc_onnx_schema SYSTEM PUBLIC ${generated})
target_link_libraries(nnc_onnx_schema PUBLIC protobuf::libprotobuf)
# The schema as data, for those who look into messages by name: the generated classes cannot.
set(NNC_ONNX_DESCRIPTION ${generated}/onnx-ml.desc CACHE INTERNAL "")
