#include "cli/process/interrupt.h"

#include <array>
#include <csignal>
#include <cstddef>

namespace ntt {
namespace {

volatile std::sig_atomic_t interrupt_seen = 0;
int guards = 0;
struct sigaction earlier_interrupt {};
struct sigaction earlier_terminate {};

/// The handler must not run on the stack that it interrupts: while oneDNN's generated kernels for sgemm run, the stack
/// pointer stands in a buffer on the heap, and a signal's frame there overwrites what lies below the buffer. The system
/// hands a process's signals to its main thread, so that one other stack will do.
alignas(64) std::array<char, std::size_t{1} << 16U> handler_stack;
stack_t earlier_stack{};

extern "C" void note_interrupt(int /*signal*/) {
  interrupt_seen = 1;
  // The next signal is no longer caught, so it kills a program that takes too long to stop.
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

InterruptGuard::InterruptGuard() {
  if (guards++ > 0) {
    return;
  }
  interrupt_seen = 0;
  stack_t stack{};
  stack.ss_sp = handler_stack.data();
  stack.ss_size = handler_stack.size();
  sigaltstack(&stack, &earlier_stack);
  struct sigaction action {};
  action.sa_handler = note_interrupt;
  action.sa_flags = SA_RESTART | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, &earlier_interrupt);
  sigaction(SIGTERM, &action, &earlier_terminate);
}

InterruptGuard::~InterruptGuard() {
  if (--guards > 0) {
    return;
  }
  sigaction(SIGINT, &earlier_interrupt, nullptr);
  sigaction(SIGTERM, &earlier_terminate, nullptr);
  sigaltstack(&earlier_stack, nullptr);
}

bool interrupted() {
  return interrupt_seen != 0;
}

}  // namespace ntt
