# One way to declare a library, a program or a test, so that each folder's CMakeLists is a line or two.

set(NTT_GENERATED ${CMAKE_CURRENT_BINARY_DIR}/generated)
add_library(ntt_options INTERFACE)
configure_file(${CMAKE_CURRENT_LIST_DIR}/version.h.in ${NTT_GENERATED}/ntt/version.h @ONLY)
target_include_directories(ntt_options INTERFACE ${PROJECT_SOURCE_DIR} ${NTT_GENERATED})
target_include_directories(ntt_options SYSTEM INTERFACE ${NTT_HEADERS_FIRST} ${TORCH_INCLUDE_DIRS})
# oneDNN before libtorch: both can hold the same inline functions, and the first in line serves both. Where the versions
# differ, it is our products that must find their own.
target_link_options(ntt_options INTERFACE
                    "LINKER:--push-state,--no-as-needed,$<TARGET_FILE:DNNL::dnnl>,--pop-state")
target_link_libraries(ntt_options INTERFACE ${TORCH_LIBRARIES} OpenMP::OpenMP_CXX Threads::Threads)
# -Wno-psabi: GCC's note on a changed ABI of vector types says nothing about our code.
target_compile_options(ntt_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Wno-psabi -Winvalid-pch
                       $<$<BOOL:${NTT_WARNINGS_AS_ERRORS}>:-Werror> -fno-math-errno)
# What is not marked NTT_API stays inside the shared library. The same flags for all, programs included: they share one
# precompiled header.
target_compile_options(ntt_options INTERFACE -fPIC -fno-semantic-interposition -fvisibility=hidden
                       -fvisibility-inlines-hidden)
# Fused multiply-adds go where the compiler finds them, which differs between the vectorised body of a loop, its tail and
# the version for arrays that may overlap: without them a result does not depend on where the allocator puts an array.
target_compile_options(ntt_options INTERFACE -ffp-contract=off)
separate_arguments(NTT_TORCH_FLAGS UNIX_COMMAND "${TORCH_CXX_FLAGS}")
target_compile_options(ntt_options INTERFACE ${NTT_TORCH_FLAGS})
if(NTT_SANITIZE)
  # What is instrumented looks uninitialised to GCC where it is not, in std::regex for one (its bug 105562).
  target_compile_options(ntt_options INTERFACE -fsanitize=${NTT_SANITIZE} -fno-omit-frame-pointer
                                               -Wno-maybe-uninitialized)
  target_link_options(ntt_options INTERFACE -fsanitize=${NTT_SANITIZE})
endif()

# The headers that nearly every file includes and that cost seconds each. No file of our own: its path would differ from
# one clone to the next, and the compiler cache would then share nothing between them.
set(NTT_PRECOMPILED <ATen/ATen.h> <fmt/format.h> <algorithm> <cmath> <cstdint> <filesystem> <functional> <map> <memory>
    <optional> <string> <string_view> <vector>)

# ntt_library(NAME [LINK ...]): every source of this folder and below; header beside source.
function(ntt_library NAME)
  cmake_parse_arguments(ARG "" "" "LINK" ${ARGN})
  file(GLOB_RECURSE SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(ntt_${NAME} STATIC ${SOURCES})
  target_link_libraries(ntt_${NAME} PUBLIC ntt_options ${ARG_LINK})
  if(NAME STREQUAL "core")
    target_precompile_headers(ntt_core PRIVATE ${NTT_PRECOMPILED})
  else()
    target_precompile_headers(ntt_${NAME} REUSE_FROM ntt_core)
  endif()
endfunction()

# ntt_test(NAME [ONE_PROCESS] [LINK ...]): one GoogleTest program of every *_test.cpp in this folder. Its tests run in a
# process each or, where there are a thousand quick ones, whose start would take longer than they do, in one.
function(ntt_test NAME)
  cmake_parse_arguments(ARG "ONE_PROCESS" "" "LINK" ${ARGN})
  file(GLOB SOURCES CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_executable(test_${NAME} ${SOURCES})
  target_link_libraries(test_${NAME} PRIVATE ${ARG_LINK} GTest::gmock GTest::gtest GTest::gtest_main)
  target_precompile_headers(test_${NAME} REUSE_FROM ntt_core)
  target_compile_definitions(test_${NAME} PRIVATE NTT_SOURCE_DIR="${PROJECT_SOURCE_DIR}"
                             NTT_PROGRAM="$<TARGET_FILE:ntt>")
  if(ARG_ONE_PROCESS)
    add_test(NAME ${NAME} COMMAND test_${NAME} --gtest_brief=1)
    set_tests_properties(${NAME} PROPERTIES TIMEOUT 600)
    return()
  endif()
  gtest_discover_tests(test_${NAME} TEST_PREFIX ${NAME}. DISCOVERY_TIMEOUT 120 PROPERTIES TIMEOUT 600)
endfunction()
