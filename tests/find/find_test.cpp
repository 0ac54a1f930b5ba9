#include "ntt/find/find.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "ntt/core/error.h"
#include "ntt/find/record.h"
#include "ntt/io/run_folder.h"
#include "ntt/nn/network_file.h"
#include "ntt/prune/method.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class FindTest : public TemporaryFolderTest {
 protected:
  FindTest() {
    options_.transfer.step.density = 0.3;
    options_.transfer.step.seed = 5;
    options_.transfer.held_out = 0.1;
    options_.transfer.epochs = 1;
    options_.transfer.out = folder_;
    options_.samples = 40;
  }

  FoundNetwork find(const std::string& method, const at::Tensor& labels = {}) {
    options_.method = method;
    return find_sparse_network(draw(graph_, 1, at::kFloat), inputs_, labels, options_);
  }
  std::string refusal(const std::string& method) {
    options_.method = method;
    return message_of<InputError>([&] { check_find_options(options_, graph_); });
  }

  const Graph& graph_ = small_network("mlp");
  at::Tensor inputs_ = draw_inputs(graph_, 100, 2, at::kFloat);
  at::Tensor labels_ = at::arange(100, at::kLong).remainder(graph_.output_shape().front());
  FindOptions options_;
};

/// The cells of the line of docs/methods.md that describes a method.
std::vector<std::string> documented(const std::string& method) {
  std::ifstream file(NTT_SOURCE_DIR "/docs/methods.md");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("| `") && line.substr(0, line.find('|', 2)).find("`" + method + "`") < std::string::npos) {
      std::vector<std::string> cells;
      for (std::size_t at = 1; at < line.size();) {
        const std::size_t end = line.find('|', at);
        const std::string cell = line.substr(at, end - at);
        const std::size_t first = cell.find_first_not_of(' ');
        cells.push_back(first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') + 1 - first));
        at = end + 1;
      }
      return cells;
    }
  }
  return {};
}

TEST_F(FindTest, NotesOfMethodsAreThoseOfTheDocumentation) {
  const std::map<std::string, std::string> words{
      {"no data", "nothing"}, {"inputs", "inputs"}, {"inputs and labels", "inputs, labels"}};
  const std::vector<MethodNote> notes = method_notes();
  ASSERT_EQ(notes.size(), find_methods().size());
  for (std::size_t i = 0; i < notes.size(); ++i) {
    const MethodNote& note = notes[i];
    EXPECT_EQ(note.name, find_methods()[i]);
    const std::vector<std::string> cells = documented(note.name);
    ASSERT_EQ(cells.size(), 6U) << note.name;
    EXPECT_EQ(cells[2], words.at(note.reads)) << note.name;
    const std::string passes = fits_student(note.name) ? "epochs" : note.passes > 0 ? std::to_string(note.passes) : "";
    EXPECT_EQ(cells[4], passes) << note.name;
  }
}

TEST_F(FindTest, CountsTheInputsThatItReads) {
  EXPECT_EQ(find("synflow").inputs_read, 0);
  EXPECT_EQ(find("snip", labels_).inputs_read, 40);
  EXPECT_EQ(find("grasp", labels_).inputs_read, 80);
  options_.rounds = 5;
  EXPECT_EQ(find("force", labels_).inputs_read, 200);
  options_.rounds = 0;
  EXPECT_EQ(find("px").inputs_read, 4000);
  EXPECT_EQ(find("ntt-exact").inputs_read, 64) << "one batch of 64 of 90 inputs";
}

TEST_F(FindTest, EveryMethodKeepsItsShareAndLeavesTheTeacher) {
  const Network dense = draw(graph_, 1, at::kFloat);
  std::vector<std::string> methods = find_methods();
  methods.emplace_back(kNtt);
  for (const std::string& method : methods) {
    const FoundNetwork found = find(method, reads_labels(method) ? labels_ : at::Tensor());
    const double density = method == "dense" ? 1 : 0.3;
    EXPECT_LE(found.network.density(), density + 0.03) << method;
    EXPECT_GE(found.network.density(), density - 0.1) << method;  // weights on no path score 0 and go together
    EXPECT_TRUE(identical(found.teacher, dense)) << method;
    EXPECT_EQ(found.method, method);
    EXPECT_EQ(found.transfer.has_value(), fits_student(method)) << method;
    EXPECT_EQ(found.reads == "inputs and labels", reads_labels(method)) << method;
    EXPECT_EQ(find_record(found).contains("figures"), fits_student(method)) << method;
  }
}

TEST_F(FindTest, NamesSayTheKernelAndNttTakesTheOneThatIsSet) {
  options_.transfer.steps = 10;
  options_.kernel_weight = 1;
  options_.transfer.step.kernel = KernelMode::exact;
  const FoundNetwork exact = find(std::string(kNtt));
  options_.transfer.step.kernel = KernelMode::sketch;
  EXPECT_TRUE(identical(find("ntt-exact").network, exact.network));
  EXPECT_FALSE(identical(find(std::string(kNtt)).network, exact.network));
  options_.kernel_weight.reset();
  EXPECT_FALSE(identical(find("logit-mimicry").network, find("ntt-exact").network));
}

TEST_F(FindTest, ScoresAreTakenOnSamplesDrawnFromTheSeed) {
  const FoundNetwork found = find("snip", labels_);
  EXPECT_TRUE(identical(find("snip", labels_).network, found.network));
  options_.transfer.step.seed = 6;
  EXPECT_FALSE(identical(find("snip", labels_).network, found.network));
  options_.samples = 1000;  // all there are
  const FoundNetwork all = find("snip", labels_);
  options_.transfer.step.seed = 5;
  EXPECT_TRUE(identical(find("snip", labels_).network, all.network));
}

TEST_F(FindTest, InvertedScoresKeepWhatWouldGo) {
  options_.transfer.step.density = 0.5;
  const FoundNetwork found = find("magnitude");
  options_.invert = true;
  const FoundNetwork inverted = find("magnitude");
  for (std::size_t i = 0; i < found.network.parameters().size(); ++i) {
    if (const Parameter& parameter = *found.network.parameters()[i]; parameter.prunable) {
      const at::Tensor other = inverted.network.parameters()[i]->mask();
      EXPECT_LE((parameter.mask() * other).sum().item<double>(), 1) << parameter.name;  // an odd number has no half
      EXPECT_GE((parameter.mask() + other).sum().item<double>(), static_cast<double>(other.numel()) - 1);
    }
  }
  EXPECT_THAT(refusal("dense"), HasSubstr("dense has none"));
  EXPECT_THAT(refusal("ntt-exact"), HasSubstr("only scores can be inverted"));
}

TEST_F(FindTest, WarnsOfEmptyLayers) {
  EXPECT_THAT(find("magnitude").warnings, IsEmpty());
  options_.transfer.step.density = 0.001;
  options_.transfer.step.scope = Scope::global;
  const FoundNetwork found = find("magnitude");
  EXPECT_THAT(found.warnings, Contains(HasSubstr("nothing is left of")));
  EXPECT_EQ(found.warnings.size(), empty_layers(found.network).size());
}

TEST_F(FindTest, OptionsThatAMethodDoesNotTakeAreRefusedByTheirMeaning) {
  EXPECT_THAT(refusal("snap"), HasSubstr("there is no method 'snap'; known are ntt, dense, random"));
  options_.transfer.steps = 5;
  EXPECT_THAT(refusal("snip"), HasSubstr("a number of steps is the length of"));
  options_.transfer.steps = 0;
  options_.weight_decay = 1e-4;
  EXPECT_THAT(refusal("random"), HasSubstr("the weight decay is an option of ntt-exact, ntt-sketch and logit-mimicry"));
  options_.weight_decay.reset();
  options_.kernel_weight = 1;
  EXPECT_THAT(refusal("logit-mimicry"), HasSubstr("a kernel weight has no place"));
  options_.kernel_weight.reset();
  options_.rounds = 5;
  EXPECT_THAT(refusal("snip"), HasSubstr("methods that score more than once; snip does not"));
  EXPECT_THAT(refusal("ntt"), HasSubstr("ntt does not"));
  options_.rounds = 0;
  options_.transfer.step.density = 0;
  EXPECT_THAT(refusal("ntt"), HasSubstr("the density is 0"));
  options_.transfer.step.density = 0.5;
  options_.transfer.step.probes = 100;
  EXPECT_THAT(refusal("ntt-sketch"), HasSubstr("the sketch has 100 probes"));
  EXPECT_NO_THROW(find("ntt-exact")) << "which has no probes";
}

TEST_F(FindTest, MissingDataIsNamed) {
  EXPECT_THAT(message_of<InputError>([&] { find("snip"); }), HasSubstr("snip reads labels, and was given none"));
  inputs_ = at::Tensor();
  EXPECT_THAT(message_of<InputError>([&] { find("grasp", labels_); }), HasSubstr("grasp reads inputs"));
  EXPECT_THAT(message_of<InputError>([&] { find("ntt"); }), HasSubstr("ntt reads inputs"));
  EXPECT_NO_THROW(find("synflow"));
}

TEST_F(FindTest, BothNetworksAreWrittenWithTheirFormat) {
  const FoundNetwork found = find("synflow");
  write_found(folder_, found.teacher, found.network, "synflow", {{"data", "mnist"}},
              {{}, std::vector<std::string>(static_cast<std::size_t>(found.network.outputs()), "name")});
  const NetworkFile sparse = read_network(folder_);
  const NetworkFile dense = read_network(folder_ / kTeacherFile);
  EXPECT_TRUE(identical(dense.network, found.teacher));
  for (std::size_t i = 0; i < found.network.parameters().size(); ++i) {
    const Parameter& parameter = *found.network.parameters()[i];
    EXPECT_TRUE(at::equal(sparse.network.parameters()[i]->file_value(), parameter.file_value())) << parameter.name;
  }
  EXPECT_EQ(sparse.metadata.at("method"), "synflow");
  EXPECT_EQ(dense.metadata.at("method"), "dense");
  EXPECT_EQ(sparse.metadata.at("model"), graph_.name);
  EXPECT_EQ(sparse.format.class_names, dense.format.class_names);
  EXPECT_EQ(sparse.format.class_names.front(), "name");
}

FindOptions filled(const std::string& network, std::int64_t steps) {
  FindOptions options;
  options.transfer.steps = steps;
  fill_in_defaults(options, small_network(network), 1000);
  return options;
}

TEST(FillInDefaults, FollowsTheNetworkAndTheLengthOfTheRun) {
  EXPECT_EQ(*filled("mlp", 10).weight_decay, 1e-4);
  EXPECT_EQ(*filled("lenet", 10).weight_decay, 1e-5);
  EXPECT_EQ(*filled("lenet", 10).learning_rate, 1e-3);
  EXPECT_EQ(*filled("lenet", 10).kernel_weight, 1e-3);
  EXPECT_EQ(*filled("residual-bn", 10).learning_rate, 3e-3);
  EXPECT_EQ(*filled("residual-bn", 10).kernel_weight, 1e-4);
  EXPECT_EQ(*filled("lenet", 10).mask_interval, 1);
  EXPECT_EQ(*filled("lenet", 500).mask_interval, 20);
  EXPECT_EQ(*filled("lenet", 100000).mask_interval, 100);
  FindOptions given;
  given.mask_interval = 0;
  given.learning_rate = 5e-4;
  fill_in_defaults(given, small_network("residual-bn"), 1000);
  EXPECT_EQ(*given.mask_interval, 0);
  EXPECT_EQ(*given.learning_rate, 5e-4);
}

}  // namespace
}  // namespace ntt
