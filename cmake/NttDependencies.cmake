# Everything that NTT takes from elsewhere; docs/dependencies.md says why each is here.
if(NOT NTT_TORCH_IS_BUNDLED) # else NttPython has found it
  find_package(Torch REQUIRED) # CMAKE_PREFIX_PATH chooses another libtorch than Debian's
endif()
find_package(dnnl REQUIRED CONFIG)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(ZLIB REQUIRED)
find_package(CURL REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(Protobuf REQUIRED)
find_library(ONNX_LIBRARY onnx REQUIRED)
find_library(ONNX_PROTO_LIBRARY onnx_proto REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(MATIO REQUIRED IMPORTED_TARGET matio)
pkg_check_modules(TOMLPLUSPLUS REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(HIGHWAY REQUIRED IMPORTED_TARGET libhwy)

# A libtorch from elsewhere brings headers of fmt, oneDNN and Protocol Buffers of its own, of other versions than the libraries linked here.
set(NTT_HEADERS_FIRST ${CMAKE_BINARY_DIR}/headers-first)
foreach(OWNER_AND_HEADER fmt::fmt=fmt DNNL::dnnl=dnnl.h DNNL::dnnl=oneapi protobuf::libprotobuf=google)
  string(REPLACE "=" ";" PARTS ${OWNER_AND_HEADER})
  list(GET PARTS 0 OWNER)
  list(GET PARTS 1 HEADER)
  get_target_property(FOLDERS ${OWNER} INTERFACE_INCLUDE_DIRECTORIES)
  find_path(FOLDER_OF_${HEADER} ${HEADER} PATHS ${FOLDERS} NO_DEFAULT_PATH REQUIRED)
  file(MAKE_DIRECTORY ${NTT_HEADERS_FIRST})
  file(CREATE_LINK ${FOLDER_OF_${HEADER}}/${HEADER} ${NTT_HEADERS_FIRST}/${HEADER} SYMBOLIC)
endforeach()

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
      CCACHE_BASEDIR=${PROJECT_SOURCE_DIR}
      CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
      ${CCACHE_PROGRAM})
endif()
find_program(LLD_PROGRAM ld.lld)
if(LLD_PROGRAM)
  add_link_options(-fuse-ld=lld)
endif()
