# What `cmake --install` copies: nnc, and the package that find_package(nnc) finds. nnc needs no other file at run time.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/nnc)

install(TARGETS nnc EXPORT nnc RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT nnc NAMESPACE nnc:: FILE nnc-targets.cmake DESTINATION ${package_folder})
file(WRITE ${CMAKE_CURRENT_BINARY_DIR}/nnc-config.cmake
  "include(\${CMAKE_CURRENT_LIST_DIR}/nnc-targets.cmake)\ninclude(\${CMAKE_CURRENT_LIST_DIR}/nnc_add_model.cmake)\n")
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/nnc-config-version.cmake
  COMPATIBILITY SameMinorVersion ARCH_INDEPENDENT)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/nnc-config.cmake ${CMAKE_CURRENT_BINARY_DIR}/nnc-config-version.cmake
              ${CMAKE_CURRENT_LIST_DIR}/nnc_add_model.cmake
        DESTINATION ${package_folder})
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE ${PROJECT_SOURCE_DIR}/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
