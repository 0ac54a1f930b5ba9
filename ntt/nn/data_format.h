#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ntt/core/api.h"
#include "ntt/core/normalisation.h"
#include "ntt/graph/graph.h"

namespace ntt {

/// What the inputs and outputs of a network stand for: all that is needed to use it without the data it was found on.
struct DataFormat {
  std::optional<Normalisation> normalisation;  ///< of raw inputs; nothing in files that do not say
  std::vector<std::string> class_names;        ///< one for each output; empty where they have no names
};

/// Adds the format to a network file's metadata, as JSON: `preprocessing`
/// ({"divide_by": 255 or 1, "mean": [...], "standard_deviation": [...]}) and `class_names`. Takes away what was there.
NTT_API void set_data_format(std::map<std::string, std::string>& metadata, const DataFormat& format);

/// What a file's metadata say of it. InputError, naming `origin`, where that is not of this form or does not fit the
/// network.
NTT_API DataFormat parse_data_format(const std::map<std::string, std::string>& metadata, const Graph& graph,
                                     const std::string& origin);

}  // namespace ntt
