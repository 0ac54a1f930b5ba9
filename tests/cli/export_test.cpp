#include "ntt/io/safetensors.h"
#include "tests/cli/cli_test.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ExportTest : public CliTest {
 protected:
  ExportTest() {
    run_well({"prune", "--method", "random", "--model", "small.toml", "--data", "small", "--density", "0.1", "--out",
              "run"});
  }
  static Words to(const std::string& kind, const std::string& out, const Words& more = {}) {
    return with({"export", "--network", "run", "--to", kind, "--out", out}, more);
  }
};

TEST_F(ExportTest, ACompactFileServesEveryCommandAsTheDenseOneDoes) {
  run_well(to("safetensors", "compact.safetensors"));
  const auto evaluate = [&](const std::string& network) {
    nlohmann::json record = run_json({"evaluate", "--network", network, "--data", "small", "--threads", "1"});
    for (const char* key : {"options", "seconds", "time"}) {
      record.erase(key);
    }
    return record;
  };
  EXPECT_EQ(evaluate("compact.safetensors"), evaluate("run"));
  run_all({train("from-dense", {"--init", "run", "--threads", "1"}),
           train("from-compact", {"--init", "compact.safetensors", "--threads", "1"})});
  const TensorFile expected = read_safetensors(folder_ / "from-dense" / kNetworkFile);
  const TensorFile actual = read_safetensors(folder_ / "from-compact" / kNetworkFile);
  ASSERT_EQ(actual.tensors.size(), expected.tensors.size());
  for (const auto& [name, tensor] : expected.tensors) {
    EXPECT_TRUE(at::equal(actual.at(name), tensor)) << name;
  }
  EXPECT_FALSE(actual.metadata.contains("compact"));

  const nlohmann::json total = run_json({"inspect", "compact.safetensors"}).at("total");
  EXPECT_LT(total.at("compact_bytes"), total.at("dense_bytes"));
  EXPECT_GT(total.at("masked_bytes"), total.at("dense_bytes"));
}

TEST_F(ExportTest, EveryKindSaysWhatItWrote) {
  const std::vector<std::pair<std::string, std::string>> kinds{{"safetensors", "network.safetensors"},
                                                               {"npz", "network.npz"},
                                                               {"csr", "network.csr.npz"},
                                                               {"onnx", "network.onnx"}};
  std::filesystem::create_directories(folder_ / "out");
  for (const auto& [kind, name] : kinds) {
    const nlohmann::json record = run_json(to(kind, "out"));
    EXPECT_EQ(record.at("file"), "out/" + name);
    EXPECT_EQ(record.at("bytes"), std::filesystem::file_size(folder_ / "out" / name));
    EXPECT_EQ(record.at("dense_bytes"), 4 * (16 * 12 + 12 + 12 * 2 + 2));
    EXPECT_NEAR(record.at("density").get<double>(), 0.1, 0.01);
  }
  EXPECT_EQ(files_in("out").size(), kinds.size());
}

TEST_F(ExportTest, TellsHowInputsArePreparedForFilesThatDoNotSay) {
  TensorFile file = read_safetensors(folder_ / "run" / kNetworkFile);
  const std::string preprocessing = file.metadata.at("preprocessing");
  file.metadata.erase("preprocessing");
  write_safetensors(folder_ / "run" / kNetworkFile, file);
  run_well(to("safetensors", "a.safetensors"));
  EXPECT_EQ(read_safetensors(folder_ / "a.safetensors").metadata.at("preprocessing"), preprocessing);

  std::filesystem::rename(folder_ / "small", folder_ / "elsewhere");
  EXPECT_THAT(run_well(to("safetensors", "b.safetensors")).err, HasSubstr("will not say how inputs are prepared"));
  EXPECT_FALSE(read_safetensors(folder_ / "b.safetensors").metadata.contains("preprocessing"));
}

TEST_F(ExportTest, NothingIsOverwritten) {
  const std::string before = network_of("run");
  const Outcome outcome = run(to("safetensors", "run"));
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("run/network.safetensors is there already; choose another --out or remove it"));
  EXPECT_EQ(network_of("run"), before);
}

TEST_F(ExportTest, WrongOptionsAreNamed) {
  const auto refusal = [&](const Words& words) {
    const Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 2) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(refusal(to("npz", "a.npz", {"--form", "dense"})), HasSubstr("--form is an option of --to safetensors"));
  EXPECT_THAT(refusal(to("csr", "a.npz", {"--values", "float16"})), HasSubstr("--values is an option of --to"));
  EXPECT_THAT(refusal(to("npz", "a.npz", {"--sparse-initialisers"})), HasSubstr("is an option of --to onnx"));
  EXPECT_THAT(refusal(to("onnx", "none/a.onnx")), AllOf(HasSubstr("there is no folder none"), HasSubstr("a.onnx")));
  EXPECT_THAT(refusal(to("onnx", "a.onnx", {"--network", "missing"})), HasSubstr("missing"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "a.onnx"));
}

}  // namespace
}  // namespace ntt
