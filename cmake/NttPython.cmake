# The Python that the module is built for, and that Python's torch. Two libtorch in one process crash, so the module
# stands on the one that `import torch` loads; without one, on the system's.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)

execute_process(COMMAND ${Python_EXECUTABLE} ${PROJECT_SOURCE_DIR}/python/find_torch.py
                OUTPUT_VARIABLE FOUND OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
set(NTT_TORCH_FOLDER "")
set(FOLDER_HAS_LIBTORCH False)
if(FOUND)
  list(GET FOUND 0 NTT_TORCH_FOLDER)
  list(GET FOUND 1 NTT_TORCH_VERSION)
  list(GET FOUND 2 FOLDER_HAS_LIBTORCH)
endif()

set(NTT_TORCH_IS_BUNDLED FALSE)
if(NOT NTT_TORCH_FOLDER)
  message(STATUS "Python module: no torch in the environment, so it is built against the system's libtorch")
elseif(FOLDER_HAS_LIBTORCH)
  # PyPI's: the package holds its libraries. Its TorchConfig.cmake would ask for CUDA's compiler, which nothing here needs.
  message(STATUS "Python module: built against torch ${NTT_TORCH_VERSION} in ${NTT_TORCH_FOLDER}")
  if(NTT_TORCH_VERSION VERSION_LESS 2.7)
    message(FATAL_ERROR "torch ${NTT_TORCH_VERSION} was built with the old C++ ABI, which the other libraries here are "
                        "not built with; install torch 2.7 or newer, or Debian's python3-torch")
  endif()
  set(NTT_TORCH_IS_BUNDLED TRUE)
  set(TORCH_INCLUDE_DIRS ${NTT_TORCH_FOLDER}/include ${NTT_TORCH_FOLDER}/include/torch/csrc/api/include)
  set(TORCH_LIBRARIES ${NTT_TORCH_FOLDER}/lib/libtorch_cpu.so ${NTT_TORCH_FOLDER}/lib/libc10.so)
  set(TORCH_CXX_FLAGS "")
else()
  message(STATUS "Python module: built against the system's libtorch, as torch ${NTT_TORCH_VERSION} is")
endif()
