#include <c10/util/Exception.h>
#include <nanobind/nanobind.h>

#include "ntt/core/exceptions.h"
#include "python/src/bindings.h"

namespace ntt::python {

void bind_errors(nanobind::module_& /*module*/) {
  nanobind::register_exception_translator([](const std::exception_ptr& thrown, void* /*payload*/) {
    try {
      std::rethrow_exception(thrown);
    } catch (const InputError& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    } catch (const Interrupted& stop) {
      PyErr_SetString(PyExc_KeyboardInterrupt, stop.what());
    } catch (const RunError& error) {
      PyErr_SetString(PyExc_RuntimeError, error.what());
    } catch (const c10::Error& error) {
      PyErr_SetString(PyExc_RuntimeError, error.what_without_backtrace());
    }
  });
}

}  // namespace ntt::python
