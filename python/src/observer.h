#pragma once

#include <nanobind/nanobind.h>
#include <signal.h>

#include <chrono>
#include <string>
#include <vector>

#include "ntt/core/observer.h"

namespace ntt::python {

/// Tells a Python object how far a job is and asks Python for Ctrl-C, each a few times a second: a job runs without the
/// lock of the interpreter, which is taken for that only.
class PythonObserver final : public Observer {
 public:
  /// @param listener has progress(job, unit, done, total, figures, finished) and message(is_warning, text)
  explicit PythonObserver(nanobind::object listener);

  void progress(const JobProgress& progress) override;
  void message(MessageLevel level, std::string_view text) override;
  bool stop_requested() override;

  /// Raises what a signal handler or the listener raised; not the plain KeyboardInterrupt where `stopped`, as the job's
  /// own Interrupted then says more. Called with the lock.
  void rethrow(bool stopped);

 private:
  using Clock = std::chrono::steady_clock;
  /// Keeps the exception that Python has just raised; the job then stops.
  void keep_error();

  nanobind::object listener_;
  Clock::time_point next_progress_{};
  Clock::time_point next_look_{};
  PyObject* error_ = nullptr;
};

/// A stack for signal handlers, on the thread that makes it, for as long as it lives: while oneDNN's generated kernels
/// run, the stack pointer stands in a buffer on the heap, where a handler's frame would overwrite what lies below.
class SignalStack {
 public:
  SignalStack();
  ~SignalStack();
  SignalStack(const SignalStack&) = delete;
  SignalStack& operator=(const SignalStack&) = delete;

 private:
  std::vector<char> memory_;
  stack_t earlier_{};
};

/// So many threads for what the calling thread computes, for as long as it lives; then what it had before. 0: one per
/// processor; after a fork 1, as OpenMP's threads are not there in the child.
class Threads {
 public:
  explicit Threads(int count);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

 private:
  int earlier_;
  int earlier_aten_;
};

}  // namespace ntt::python
