#pragma once

#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/graph/graph.h"

namespace ntt {

/// The names of the built-in models.
NTT_API std::vector<std::string> zoo_models();

/// A built-in model for these inputs and classes; InputError naming all of them where there is none of that name.
NTT_API Graph zoo_model(const std::string& name, const Shape& input, std::int64_t classes);

/// What the studies that published a model gave it: its inputs, for ten classes.
NTT_API Shape published_input(const std::string& name);

}  // namespace ntt
