# The library as others use it: one shared library of what ntt/ntt.h offers, its headers, and find_package(ntt).
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

# ntt_closure(OUT HEADER): the header and all of this project's headers that it includes, directly or not.
function(ntt_closure OUT HEADER)
  set(FOUND ${HEADER})
  set(TODO ${HEADER})
  while(TODO)
    list(POP_FRONT TODO NEXT)
    if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${NEXT})
      continue() # ntt/version.h, which is made
    endif()
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${NEXT})
    file(STRINGS ${PROJECT_SOURCE_DIR}/${NEXT} LINES REGEX "^#include \"ntt/")
    foreach(LINE ${LINES})
      string(REGEX REPLACE "^#include \"([^\"]+)\".*" "\\1" INCLUDED "${LINE}")
      if(NOT INCLUDED IN_LIST FOUND)
        list(APPEND FOUND ${INCLUDED})
        list(APPEND TODO ${INCLUDED})
      endif()
    endforeach()
  endwhile()
  list(REMOVE_ITEM FOUND ntt/version.h)
  set(${OUT} ${FOUND} PARENT_SCOPE)
endfunction()

set(NTT_PUBLIC_FOLDERS core io data report graph ops models onnx nn sparse export kernel prune transfer train find)
add_library(ntt_shared SHARED)
add_library(ntt::ntt ALIAS ntt_shared)
foreach(FOLDER ${NTT_PUBLIC_FOLDERS})
  target_sources(ntt_shared PRIVATE $<TARGET_OBJECTS:ntt_${FOLDER}>)
  target_link_libraries(ntt_shared PRIVATE ntt_${FOLDER}) # for what it needs itself: its objects are there already
endforeach()
target_compile_features(ntt_shared PUBLIC cxx_std_20)
# oneDNN first, as in ntt_options: where libtorch holds one of another version, ours must be found before it.
target_link_libraries(ntt_shared INTERFACE DNNL::dnnl torch c10)
target_link_options(ntt_shared PRIVATE LINKER:--exclude-libs,ALL)
set_target_properties(ntt_shared PROPERTIES OUTPUT_NAME ntt EXPORT_NAME ntt VERSION ${PROJECT_VERSION}
                      SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR} INSTALL_RPATH_USE_LINK_PATH ON)
ntt_closure(NTT_PUBLIC_HEADERS ntt/ntt.h)
list(TRANSFORM NTT_PUBLIC_HEADERS PREPEND ${PROJECT_SOURCE_DIR}/)
target_sources(ntt_shared PUBLIC FILE_SET HEADERS BASE_DIRS ${PROJECT_SOURCE_DIR} FILES ${NTT_PUBLIC_HEADERS}
               FILE_SET made_headers TYPE HEADERS BASE_DIRS ${NTT_GENERATED} FILES ${NTT_GENERATED}/ntt/version.h)

set(NTT_PACKAGE ${CMAKE_INSTALL_LIBDIR}/cmake/ntt)
install(TARGETS ntt_shared EXPORT ntt-targets COMPONENT library FILE_SET HEADERS COMPONENT library
        FILE_SET made_headers COMPONENT library)
install(EXPORT ntt-targets NAMESPACE ntt:: DESTINATION ${NTT_PACKAGE} COMPONENT library)
configure_package_config_file(${CMAKE_CURRENT_LIST_DIR}/ntt-config.cmake.in ${NTT_GENERATED}/ntt-config.cmake
                              INSTALL_DESTINATION ${NTT_PACKAGE})
write_basic_package_version_file(${NTT_GENERATED}/ntt-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${NTT_GENERATED}/ntt-config.cmake ${NTT_GENERATED}/ntt-config-version.cmake
        DESTINATION ${NTT_PACKAGE} COMPONENT library)
