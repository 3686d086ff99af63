# Compiles each example again and compares with what is committed in its generated/ folder.
#   cmake -DNNC=… -DSOURCE=examples/digits -DNAME=digits -DRUNTIME=embed -DOUT=… -P examples.cmake
# A program of several models is a pair of files a model, each under the model's name.
# NNC_UPDATE=1 ctest --test-dir build -R example_ writes what is committed anew.
file(MAKE_DIRECTORY ${OUT})
file(STRINGS ${SOURCE}/model.nn models REGEX "^model ")
list(TRANSFORM models REPLACE "^model ([A-Za-z0-9_]+).*" "\\1")
list(LENGTH models count)
foreach(model IN LISTS models)
  string(TOLOWER ${model} file)
  if(count EQUAL 1)
    set(file ${NAME})
  endif()
  execute_process(COMMAND ${NNC} ${SOURCE}/model.nn --model ${model} -o ${OUT}/${file}.cpp --namespace ${file} --runtime=${RUNTIME} RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "nnc failed: ${status}")
  endif()
  foreach(extension cpp hpp)
    if(DEFINED ENV{NNC_UPDATE})
      file(COPY_FILE ${OUT}/${file}.${extension} ${SOURCE}/generated/${file}.${extension})
    endif()
    execute_process(COMMAND diff -u ${SOURCE}/generated/${file}.${extension} ${OUT}/${file}.${extension} RESULT_VARIABLE differs)
    if(differs)
      message(FATAL_ERROR "${SOURCE}/generated/${file}.${extension} is not what nnc writes now; if the change is meant: "
                          "NNC_UPDATE=1 ctest -R example_${NAME}")
    endif()
  endforeach()
endforeach()
