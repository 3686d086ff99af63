# Compiles each example again and compares with what is committed in its generated/ folder.
#   cmake -DNNC=… -DSOURCE=examples/digits -DNAME=digits -DOUT=… [-DUPDATE=1] -P examples.cmake
file(MAKE_DIRECTORY ${OUT})
execute_process(COMMAND ${NNC} ${SOURCE}/model.nn -o ${OUT}/${NAME}.cpp --namespace ${NAME} RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "nnc failed: ${status}")
endif()
foreach(extension cpp hpp)
  if(UPDATE)
    file(COPY_FILE ${OUT}/${NAME}.${extension} ${SOURCE}/generated/${NAME}.${extension})
  endif()
  execute_process(COMMAND diff -u ${SOURCE}/generated/${NAME}.${extension} ${OUT}/${NAME}.${extension} RESULT_VARIABLE differs)
  if(differs)
    message(FATAL_ERROR "${SOURCE}/generated/${NAME}.${extension} is not what nnc writes now; if the change is meant: "
                        "cmake -DUPDATE=1 and the other arguments of this test")
  endif()
endforeach()
