#include "ntt/onnx/reader.h"

#include <utility>

#include "ntt/core/error.h"
#include "ntt/onnx/model_file.h"
#include "ntt/onnx/names.h"
#include "ntt/onnx/translation.h"

namespace ntt {
namespace {

using namespace onnx_import;

std::string producer_of(const ::onnx::ModelProto& model) {
  const std::string& version = model.producer_version();
  return clean_name(version.empty() ? model.producer_name() : model.producer_name() + " " + version);
}

/// @param folder the model's, for data that lie beside it; empty where it came without
OnnxModel translate_parts(::onnx::ModelProto& model, const std::string& name, const std::filesystem::path& folder) {
  OnnxModel read;
  read.opset = opset_of(model);
  read.producer = producer_of(model);
  for (const auto& entry : model.metadata_props()) {
    read.metadata[entry.key()] = entry.value();
  }
  std::optional<Translation> translation(std::in_place, *model.mutable_graph(), read.opset, folder);
  const Activation output = translation->run();
  Draft draft = std::move(translation->draft());
  translation.reset();
  Draft::Result result = draft.finish(name, output.value);
  read.graph = std::move(result.graph);
  read.values = std::move(result.values);
  read.warnings = std::move(result.warnings);
  return read;
}

/// The same; what is said of it begins with its origin.
OnnxModel translate(::onnx::ModelProto& model, const std::string& name, const std::filesystem::path& folder,
                    const std::string& origin) {
  try {
    OnnxModel read = translate_parts(model, name, folder);
    for (std::string& warning : read.warnings) {
      warning = fmt::format("{}: {}", origin, warning);
    }
    return read;
  } catch (const InputError& error) {
    fail_input("{}: {}", origin, error.what());
  }
}

}  // namespace

OnnxModel read_onnx(const std::filesystem::path& path) {
  ::onnx::ModelProto model = read_model(path);
  return translate(model, path.stem().string(), path.has_parent_path() ? path.parent_path() : ".", path.string());
}

OnnxModel read_onnx(std::string_view bytes, const std::string& name) {
  ::onnx::ModelProto model = parse_model(bytes.data(), bytes.size(), name);
  return translate(model, name, {}, name);
}

}  // namespace ntt
