#include "python/src/observer.h"

#include <ATen/Parallel.h>
#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/core/threads.h"

namespace ntt::python {
namespace nb = nanobind;
namespace {

constexpr auto kBetweenLooks = std::chrono::milliseconds(100);

std::atomic<bool> forked = false;

}  // namespace

PythonObserver::PythonObserver(nb::object listener) : listener_(std::move(listener)) {}

void PythonObserver::keep_error() {
  if (error_ == nullptr) {
    PyObject* type = nullptr;
    PyObject* traceback = nullptr;
    PyErr_Fetch(&type, &error_, &traceback);
    PyErr_NormalizeException(&type, &error_, &traceback);
    if (traceback != nullptr) {
      PyException_SetTraceback(error_, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
  } else {
    PyErr_Clear();
  }
}

void PythonObserver::progress(const JobProgress& progress) {
  const auto now = Clock::now();
  if (now < next_progress_ && !progress.finished) {
    return;
  }
  next_progress_ = now + kBetweenLooks;
  const nb::gil_scoped_acquire lock;
  try {
    listener_.attr("progress")(nb::str(progress.job.data(), progress.job.size()),
                               nb::str(progress.unit.data(), progress.unit.size()), progress.done, progress.total,
                               nb::str(progress.figures.data(), progress.figures.size()), progress.finished);
  } catch (nb::python_error& error) {
    error.restore();
    keep_error();
  }
}

void PythonObserver::message(MessageLevel level, std::string_view text) {
  const nb::gil_scoped_acquire lock;
  try {
    listener_.attr("message")(level == MessageLevel::warning, nb::str(text.data(), text.size()));
  } catch (nb::python_error& error) {
    error.restore();
    keep_error();
  }
}

bool PythonObserver::stop_requested() {
  const auto now = Clock::now();
  if (error_ == nullptr && now >= next_look_) {
    next_look_ = now + kBetweenLooks;
    const nb::gil_scoped_acquire lock;
    if (PyErr_CheckSignals() != 0) {
      keep_error();
    }
  }
  return error_ != nullptr;
}

void PythonObserver::rethrow(bool stopped) {
  PyObject* error = std::exchange(error_, nullptr);
  if (error == nullptr) {
    return;
  }
  const bool says_less = stopped && Py_TYPE(error) == reinterpret_cast<PyTypeObject*>(PyExc_KeyboardInterrupt);
  if (!says_less) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(error)), error);
  }
  Py_DECREF(error);
  if (!says_less) {
    throw nb::python_error();
  }
}

SignalStack::SignalStack() : memory_(std::size_t{1} << 16U) {
  stack_t stack{};
  stack.ss_sp = memory_.data();
  stack.ss_size = memory_.size();
  sigaltstack(&stack, &earlier_);
}

SignalStack::~SignalStack() {
  sigaltstack(&earlier_, nullptr);
}

Threads::Threads(int count) : earlier_(omp_get_max_threads()), earlier_aten_(at::get_num_threads()) {
  if (count < 0) {
    fail_input("threads is {}, but must be at least 1, or 0 for one per processor", count);
  }
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forked = true; });
  (void)registered;
  const int processors = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  set_threads(forked ? 1 : count > 0 ? count : processors);
}

Threads::~Threads() {
  set_threads(earlier_);
  at::set_num_threads(earlier_aten_);
}

}  // namespace ntt::python
