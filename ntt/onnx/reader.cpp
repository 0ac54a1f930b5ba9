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

OnnxModel translate(::onnx::ModelProto& model, const std::filesystem::path& path) {
  OnnxModel read;
  read.opset = opset_of(model);
  read.producer = producer_of(model);
  for (const auto& entry : model.metadata_props()) {
    read.metadata[entry.key()] = entry.value();
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  std::optional<Translation> translation(std::in_place, *model.mutable_graph(), read.opset, folder);
  const Activation output = translation->run();
  Draft draft = std::move(translation->draft());
  translation.reset();
  Draft::Result result = draft.finish(path.stem().string(), output.value);
  read.graph = std::move(result.graph);
  read.values = std::move(result.values);
  for (const std::string& warning : result.warnings) {
    read.warnings.push_back(fmt::format("{}: {}", path.string(), warning));
  }
  return read;
}

}  // namespace

OnnxModel read_onnx(const std::filesystem::path& path) {
  ::onnx::ModelProto model = read_model(path);
  try {
    return translate(model, path);
  } catch (const InputError& error) {
    fail_input("{}: {}", path.string(), error.what());
  }
}

}  // namespace ntt
