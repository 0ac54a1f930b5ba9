# The Python that the module is built for, and that Python's torch. Two libtorch in one process crash, so the module
# stands on the one that `import torch` loads; without one, on the system's.
find_package(Python 3.10 REQUIRED COMPONENTS Interpreter Development.Module)

# Where a package's build is isolated, the build's Python does not see the environment's packages: PYTHONPATH hides them
# (pip), or it is another environment (build), which leaves the one that is activated.
set(NTT_TORCH_PYTHON "" CACHE FILEPATH "A Python that imports the torch to build the module against")
if(NTT_TORCH_PYTHON)
  set(CANDIDATES ${NTT_TORCH_PYTHON})
else()
  set(CANDIDATES ${Python_EXECUTABLE} $ENV{VIRTUAL_ENV}/bin/python)
endif()
set(NTT_TORCH_FOLDER "")
foreach(CANDIDATE ${CANDIDATES})
  if(NOT NTT_TORCH_FOLDER AND EXISTS ${CANDIDATE})
    execute_process(
      COMMAND ${CMAKE_COMMAND} -E env --unset=PYTHONPATH ${CANDIDATE} ${PROJECT_SOURCE_DIR}/python/find_torch.py
      OUTPUT_VARIABLE FOUND OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
    if(FOUND)
      list(GET FOUND 0 NTT_TORCH_FOLDER)
      list(GET FOUND 1 NTT_TORCH_VERSION)
    endif()
  endif()
endforeach()

set(NTT_TORCH_IS_BUNDLED FALSE)
if(NOT NTT_TORCH_FOLDER)
  message(STATUS "Python module: no torch in the environment, so it is built against the system's libtorch")
elseif(EXISTS ${NTT_TORCH_FOLDER}/lib/libtorch_cpu.so AND NOT IS_SYMLINK ${NTT_TORCH_FOLDER}/lib/libtorch_cpu.so)
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
