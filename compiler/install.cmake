# What `cmake --install` copies: nnc, and the package that find_package(nnc) finds. nnc needs no other file at run time.
# The package is in the build folder, too, so that find_package(nnc) finds it where that folder is in PATH.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/nnc)

# The headers for `--runtime=include`: nnc/vector.h and so on, templates/convolution.h and so on.
add_library(nnc_runtime INTERFACE)
add_library(nnc::runtime ALIAS nnc_runtime)
set_target_properties(nnc_runtime PROPERTIES EXPORT_NAME runtime)
target_include_directories(nnc_runtime INTERFACE
  "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR};${PROJECT_SOURCE_DIR}/runtime>"
  "$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/nnc-runtime>")
install(DIRECTORY ${PROJECT_SOURCE_DIR}/runtime/nnc ${PROJECT_SOURCE_DIR}/templates
        DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/nnc-runtime FILES_MATCHING PATTERN "*.h")

install(TARGETS nnc nnc_runtime EXPORT nnc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT nnc NAMESPACE nnc:: FILE nnc-targets.cmake DESTINATION ${package_folder})
set(build_package ${PROJECT_BINARY_DIR}/lib/cmake/nnc)
export(EXPORT nnc NAMESPACE nnc:: FILE ${build_package}/nnc-targets.cmake)
file(CONFIGURE OUTPUT ${build_package}/nnc-config.cmake @ONLY CONTENT
  "include(\${CMAKE_CURRENT_LIST_DIR}/nnc-targets.cmake)\ninclude(\${CMAKE_CURRENT_LIST_DIR}/nnc_add_model.cmake)\n")
configure_file(${CMAKE_CURRENT_LIST_DIR}/nnc_add_model.cmake ${build_package}/nnc_add_model.cmake COPYONLY)
write_basic_package_version_file(${build_package}/nnc-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${build_package}/nnc-config.cmake ${build_package}/nnc-config-version.cmake
              ${build_package}/nnc_add_model.cmake
        DESTINATION ${package_folder})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
