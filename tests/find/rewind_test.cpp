#include "ntt/find/rewind.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ntt/core/exceptions.h"
#include "tests/io/temporary_folder.h"
#include "tests/support/networks.h"

namespace ntt {
namespace {

using namespace testing_support;
using testing::HasSubstr;

TEST(Rewind, KeepsTheLargestAfterTrainingWithTheirEarlierValues) {
  for (const Scope scope : {Scope::layer, Scope::global, Scope::erk}) {
    const Network earlier = draw(small_network("residual-bn"), 1);
    const Network trained = draw(small_network("residual-bn"), 2);
    const FoundNetwork found = rewind_to(earlier.clone(), trained, 0.3, scope, 1234);
    EXPECT_EQ(found.method, "late-magnitude");
    EXPECT_EQ(found.reads, "inputs and labels");
    EXPECT_EQ(found.inputs_read, 1234);
    EXPECT_TRUE(identical(found.teacher, earlier));
    Network expected = trained.clone();
    Scores magnitudes;
    for (const Parameter* parameter : prunable_parameters(expected)) {
      magnitudes.push_back(parameter->value.abs());  // as they are, though batch norm makes their scale free
    }
    mask_by_scores(expected, magnitudes, 0.3, scope);
    for (std::size_t i = 0; i < expected.parameters().size(); ++i) {
      const Parameter& now = *found.network.parameters()[i];
      EXPECT_TRUE(at::equal(now.value, earlier.parameters()[i]->value));
      EXPECT_EQ(now.pattern != nullptr, now.prunable);
      if (now.pattern) {
        EXPECT_TRUE(at::equal(now.mask(), expected.parameters()[i]->mask()));
      }
    }
  }
}

TEST(Rewind, LeavesWhatIsNotPruned) {
  Network earlier = draw(small_network("lenet"), 1);
  earlier.parameters()[0]->prunable = false;
  const FoundNetwork found = rewind_to(std::move(earlier), draw(small_network("lenet"), 2), 0.1, Scope::global, 0);
  EXPECT_FALSE(found.network.parameters()[0]->pattern);
  EXPECT_TRUE(found.network.parameters()[2]->pattern);
}

TEST(Rewind, RefusesOtherNetworksAndSparseOnes) {
  const Network lenet = draw(small_network("lenet"), 1);
  EXPECT_THAT(
      message_of<InputError>([&] { rewind_to(lenet.clone(), draw(small_network("mlp"), 1), 0.1, Scope::layer, 0); }),
      HasSubstr("differ in more than their weights"));
  Network sparse = lenet.clone();
  mask_at_random(sparse, 0.5, 1);
  EXPECT_THAT(message_of<InputError>([&] { rewind_to(lenet.clone(), sparse, 0.1, Scope::layer, 0); }),
              HasSubstr("has masks already"));
}

}  // namespace
}  // namespace ntt
