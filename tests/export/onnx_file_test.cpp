#include "ntt/onnx/writer.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>

#include "ntt/models/graph_builder.h"
#include "ntt/nn/network_file.h"
#include "ntt/onnx/reader.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::ElementsAre;

class OnnxFileTest : public TemporaryFolderTest {
 protected:
  onnx::ModelProto model_of(const NetworkFile& file, bool sparse) const {
    write_onnx(folder_ / "network.onnx", file.network.graph(), file.network.all_parameters(), file.metadata, sparse);
    onnx::ModelProto model;
    EXPECT_TRUE(model.ParseFromString(read(folder_ / "network.onnx")));
    return model;
  }
};

TEST_F(OnnxFileTest, EveryNetworkPassesTheCheckerOfOnnx) {
  for (const Graph& graph : small_networks()) {
    SCOPED_TRACE(graph.name);
    NetworkFile file{draw(graph, 1, at::kFloat), {}};
    mask_at_random(file.network, 0.3, 2);
    for (const bool sparse : {false, true}) {
      onnx::ModelProto model = model_of(file, sparse);
      EXPECT_NO_THROW(onnx::checker::check_model(model));
      EXPECT_NO_THROW(onnx::shape_inference::InferShapes(model));
      EXPECT_EQ(model.graph().initializer_size() + model.graph().sparse_initializer_size() -
                    static_cast<int>(file.network.all_parameters().size()),
                std::count_if(model.graph().initializer().begin(), model.graph().initializer().end(),
                              [](const auto& tensor) { return tensor.name().starts_with("constant."); }));
    }
  }
}

TEST_F(OnnxFileTest, HoldsAGraphOfOneNodeALayer) {
  const NetworkFile file{draw(small_network("lenet"), 1, at::kFloat), {{"format", "pt"}, {"method", "ntt"}}};
  const onnx::ModelProto model = model_of(file, false);
  std::vector<std::string> operations;
  for (const onnx::NodeProto& node : model.graph().node()) {
    operations.push_back(node.op_type());
  }
  EXPECT_THAT(operations,
              ElementsAre("Conv", "Relu", "MaxPool", "Conv", "Relu", "MaxPool", "Flatten", "Gemm", "Relu", "Gemm"));
  EXPECT_EQ(model.graph().input(0).type().tensor_type().shape().dim(0).dim_param(), "batch");
  EXPECT_EQ(model.graph().output(0).type().tensor_type().shape().dim(1).dim_value(), 3);
  ASSERT_EQ(model.metadata_props_size(), 1);
  EXPECT_EQ(model.metadata_props(0).key(), "method");
}

TEST_F(OnnxFileTest, LinearLayersOfTokensKeepTheirNamesWhenReadAgain) {
  GraphBuilder builder("network", {5, 4});
  const ValueId tokens = builder.add({"linear", "first", {{"out_features", 3}, {"in_features", 4}}, {0}, {}});
  const Graph graph = builder.finish(builder.add({"flatten", "last", {}, {tokens}, {}}));
  model_of({draw(graph, 1, at::kFloat), {}}, false);
  std::vector<std::string> names;
  for (const Node& node : read_onnx(folder_ / "network.onnx").graph.nodes) {
    names.push_back(node.name);
  }
  EXPECT_THAT(names, ElementsAre("first", "last"));
}

TEST_F(OnnxFileTest, SparseInitialisersHoldKeptEntriesAlone) {
  NetworkFile file{draw(small_network("mlp"), 1, at::kFloat), {}};
  at::Tensor mask = at::zeros({7, 6});
  mask[0][3] = 1;
  mask[2][1] = 1;
  file.network.parameters()[0]->set_mask(mask);
  file.network.parameters()[2]->set_mask(at::ones({5, 7}));
  const onnx::ModelProto model = model_of(file, true);
  ASSERT_EQ(model.graph().sparse_initializer_size(), 1) << "a weight that keeps everything is smaller dense";
  const onnx::SparseTensorProto& sparse = model.graph().sparse_initializer(0);
  EXPECT_EQ(sparse.values().name(), "fc1.weight");
  const at::Tensor& value = file.network.parameters()[0]->value;
  const std::vector<float> values{value[0][3].item<float>(), value[2][1].item<float>()};
  const std::vector<std::int64_t> places{3, 13};
  EXPECT_EQ(sparse.values().raw_data(), std::string(reinterpret_cast<const char*>(values.data()), 8));
  EXPECT_EQ(sparse.indices().raw_data(), std::string(reinterpret_cast<const char*>(places.data()), 16));
}

}  // namespace
}  // namespace ntt
