// ONNX's own tests of single operators and of small models (Debian's libonnx-testdata): each is run as far as a network
// can be one, one float input depending on the network's input and the others being constants, or all of them depending
// on it.

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <onnx/onnx_pb.h>

#include <fstream>
#include <iostream>
#include <set>

#include "ntt/core/error.h"
#include "ntt/onnx/reader.h"
#include "ntt/onnx/tensors.h"
#include "tests/io/temporary_folder.h"
#include "tests/onnx/evaluate.h"

namespace ntt {
namespace {

using ::onnx::ModelProto;
using ::onnx::TensorProto;

const std::filesystem::path kFolder = "/usr/share/libonnx-testdata/data";

struct Collection {
  const char* name;
  std::size_t least_passed;  ///< so that nothing comes to be skipped unseen
};

template <typename Message>
Message parse(const std::filesystem::path& path) {
  Message message;
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(message.ParseFromIstream(&stream)) << path;
  return message;
}

at::Tensor read_tensor(const std::filesystem::path& path) {
  TensorProto proto = parse<TensorProto>(path);
  return onnx_import::take_tensor(proto, path.parent_path());
}

/// A model whose inputs are those that a test gives: older files list initialisers among them.
ModelProto read_model(const std::filesystem::path& path) {
  ModelProto model = parse<ModelProto>(path);
  std::set<std::string> given;
  for (const TensorProto& initialiser : model.graph().initializer()) {
    given.insert(initialiser.name());
  }
  const ModelProto whole = model;
  model.mutable_graph()->clear_input();
  for (const ::onnx::ValueInfoProto& input : whole.graph().input()) {
    if (!given.contains(input.name())) {
      *model.mutable_graph()->add_input() = input;
    }
  }
  return model;
}

/// A model and what it is given.
struct Case {
  ModelProto model;
  at::Tensor input;
};

/// A test's model with this output alone, and no input yet.
ModelProto without_inputs(const ModelProto& whole, int output) {
  ModelProto model = whole;
  model.mutable_graph()->clear_input();
  model.mutable_graph()->clear_output();
  *model.mutable_graph()->add_output() = whole.graph().output(output);
  // Operators that have not changed since an opset that is too old for us.
  auto& opset = *model.mutable_opset_import(0);
  opset.set_version(std::max(opset.version(), kOldestOpset));
  return model;
}

void add_constant(::onnx::GraphProto& graph, const ::onnx::ValueInfoProto& input, const std::filesystem::path& file) {
  TensorProto& value = *graph.add_initializer();
  value = parse<TensorProto>(file);
  value.set_name(input.name());
}

bool is_float(const ::onnx::ValueInfoProto& value) {
  return value.type().tensor_type().elem_type() == TensorProto::FLOAT;
}

/// One input depends on the network's.
Case with_one_input(const ModelProto& whole, int input, int output, const std::filesystem::path& data) {
  ModelProto model = without_inputs(whole, output);
  for (int i = 0; i < whole.graph().input_size(); ++i) {
    if (i == input) {
      *model.mutable_graph()->add_input() = whole.graph().input(i);
    } else {
      add_constant(*model.mutable_graph(), whole.graph().input(i), data / fmt::format("input_{}.pb", i));
    }
  }
  return {model, read_tensor(data / fmt::format("input_{}.pb", input))};
}

void add_list(::onnx::GraphProto& graph, const std::string& name, const std::vector<std::int64_t>& list) {
  TensorProto& value = *graph.add_initializer();
  value.set_name(name);
  value.set_data_type(TensorProto::INT64);
  value.add_dims(static_cast<std::int64_t>(list.size()));
  value.mutable_int64_data()->Assign(list.begin(), list.end());
}

/// All inputs of floats are parts of the network's, which lie one behind the other; none where these have other
/// batches.
std::optional<Case> with_all_inputs(const ModelProto& whole, int output, const std::filesystem::path& data) {
  Case made{without_inputs(whole, output), {}};
  ::onnx::GraphProto& graph = *made.model.mutable_graph();
  std::vector<at::Tensor> parts;
  std::int64_t start = 0;
  add_list(graph, "packed.axis", {1});
  for (int i = 0; i < whole.graph().input_size(); ++i) {
    const std::filesystem::path file = data / fmt::format("input_{}.pb", i);
    const std::string& name = whole.graph().input(i).name();
    if (!is_float(whole.graph().input(i))) {
      add_constant(graph, whole.graph().input(i), file);
      continue;
    }
    const at::Tensor value = read_tensor(file);
    if (value.dim() < 2 || value.numel() == 0 || (!parts.empty() && parts.front().size(0) != value.size(0))) {
      return std::nullopt;
    }
    parts.push_back(value.flatten(1));
    add_list(graph, name + ".start", {start});
    add_list(graph, name + ".end", {start += parts.back().size(1)});
    add_list(graph, name + ".shape", value.sizes().vec());
    for (const char* operation : {"Slice", "Reshape"}) {
      ::onnx::NodeProto& node = *graph.add_node();
      node.set_op_type(operation);
      node.add_output(operation == std::string("Slice") ? name + ".part" : name);
    }
    ::onnx::NodeProto& slice = *graph.mutable_node(graph.node_size() - 2);
    for (const std::string& input :
         {std::string("packed"), name + ".start", name + ".end", std::string("packed.axis")}) {
      slice.add_input(input);
    }
    graph.mutable_node(graph.node_size() - 1)->add_input(name + ".part");
    graph.mutable_node(graph.node_size() - 1)->add_input(name + ".shape");
  }
  if (parts.size() < 2) {
    return std::nullopt;
  }
  made.input = at::cat(parts, 1);
  ::onnx::ValueInfoProto& input = *graph.add_input();
  input.set_name("packed");
  input.mutable_type()->mutable_tensor_type()->set_elem_type(TensorProto::FLOAT);
  for (const std::int64_t side : made.input.sizes()) {
    input.mutable_type()->mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(side);
  }
  return made;
}

class OnnxNodeTest : public TemporaryFolderTest, public testing::WithParamInterface<Collection> {
 protected:
  /// Nothing where the outputs are the expected ones, else why they could not be had; a failure where they are wrong.
  std::string run(const std::string& test, const Case& made, const std::filesystem::path& expected_file) {
    const std::filesystem::path path = folder_ / "model.onnx";
    write(path, made.model.SerializeAsString());
    try {
      const OnnxModel model = read_onnx(path);
      const at::Tensor expected = read_tensor(expected_file).to(at::kFloat);
      const at::Tensor actual = testing_support::evaluate(model, made.input.to(at::kFloat));
      EXPECT_EQ(actual.sizes(), expected.sizes()) << test;
      EXPECT_TRUE(actual.sizes() != expected.sizes() || at::allclose(actual, expected, 1e-3, 1e-5)) << test;
      return "";
    } catch (const InputError& error) {
      const std::string reason = error.what();
      return reason.starts_with(path.string()) ? reason.substr(path.string().size()) : ": " + reason;
    }
  }

  /// The same of a test, in every way in which it can be run: the last reason why it cannot.
  std::string run(const std::filesystem::path& folder) {
    const ModelProto whole = read_model(folder / "model.onnx");
    const std::filesystem::path data = folder / "test_data_set_0";
    const std::string test = folder.filename().string();
    std::string reason = ": it has no input and output of floats";
    bool has_passed = false;
    const auto note = [&](const std::string& why_not) {
      has_passed = has_passed || why_not.empty();
      reason = why_not;
    };
    for (int output = 0; output < whole.graph().output_size(); ++output) {
      const std::filesystem::path expected = data / fmt::format("output_{}.pb", output);
      if (!whole.graph().output(output).type().has_tensor_type()) {
        continue;
      }
      for (int input = 0; input < whole.graph().input_size(); ++input) {
        if (is_float(whole.graph().input(input))) {
          note(run(test, with_one_input(whole, input, output, data), expected));
        }
      }
      if (const auto all = with_all_inputs(whole, output, data)) {
        note(run(test, *all, expected));
      }
    }
    return has_passed ? "" : reason;
  }
};

TEST_P(OnnxNodeTest, OutputsAreThoseOfOnnx) {
  const std::filesystem::path folder = kFolder / GetParam().name;
  if (!std::filesystem::exists(folder)) {
    GTEST_SKIP() << "libonnx-testdata is not installed";
  }
  std::set<std::filesystem::path> tests;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    tests.insert(entry.path());
  }
  std::size_t passed = 0;
  for (const std::filesystem::path& test : tests) {
    const std::string name = test.filename().string().substr(5);
    const std::string why_not = run(test);
    if (why_not.empty()) {
      ++passed;
      std::cout << "passed  " << name << "\n";
    } else {
      std::cout << "skipped " << name << why_not.substr(0, why_not.find("; supported are")) << "\n";
    }
  }
  std::cout << passed << " of " << tests.size() << " passed\n";
  EXPECT_GE(passed, GetParam().least_passed);
}

INSTANTIATE_TEST_SUITE_P(Collections, OnnxNodeTest,
                         testing::Values(Collection{"node", 160}, Collection{"pytorch-converted", 52},
                                         Collection{"pytorch-operator", 13}, Collection{"simple", 2}),
                         [](const auto& test) {
                           std::string name = test.param.name;
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace ntt
