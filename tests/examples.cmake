# Compiles each example again and compares with what is committed in its generated/ folder.
#   cmake -DNNC=… -DSOURCE=examples/digits -DNAME=digits -DRUNTIME=embed -DOUT=… -P examples.cmake
# NNC_UPDATE=1 ctest --test-dir build -R example_ writes what is committed anew.
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${NNC} ${SOURCE}/model.nn -o ${OUT}/${NAME}.cpp --namespace ${NAME} --runtime=${RUNTIME} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "nnc failed: ${status}")
endif()
foreach(extension cpp hpp)
  if(DEFINED ENV{NNC_UPDATE})
    file(COPY_FILE ${OUT}/${NAME}.${extension} ${SOURCE}/generated/${NAME}.${extension})
  endif()
  execute_process(COMMAND diff -u ${SOURCE}/generated/${NAME}.${extension} ${OUT}/${NAME}.${extension} RESULT_VARIABLE differs)
  if(differs)
    message(FATAL_ERROR "${SOURCE}/generated/${NAME}.${extension} is not what nnc writes now; if the change is meant: "
                        "NNC_UPDATE=1 ctest -R example_${NAME}")
  endif()
endforeach()
