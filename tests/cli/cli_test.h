#pragma once

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "ntt/core/random.h"
#include "ntt/io/npy.h"
#include "ntt/io/run_folder.h"
#include "tests/cli/program.h"
#include "tests/io/temporary_folder.h"

namespace ntt {

using Words = std::vector<std::string>;

/// Tests of the built program. Its folder holds `small/`, a data set of two classes on 4 x 4 images, and `small.toml`,
/// a network for it with one hidden layer.
class CliTest : public TemporaryFolderTest {
 protected:
  static constexpr std::int64_t kTrain = 600;
  static constexpr std::int64_t kTest = 100;
  static constexpr std::int64_t kClasses = 2;

  CliTest() {
    std::filesystem::create_directories(folder_ / "small");
    write_part("train", kTrain);
    write_part("test", kTest);
    write(folder_ / "small.toml",
          "name = 'small'\ninput = [1, 4, 4]\n[[layer]]\ntype = 'flatten'\n"
          "[[layer]]\ntype = 'linear'\nout_features = 12\n[[layer]]\ntype = 'relu'\n"
          "[[layer]]\ntype = 'linear'\nout_features = 2\n");
  }

  Outcome run(const Words& words, const std::map<std::string, std::string>& environment = {}) const {
    return Program(folder_, words, environment).wait();
  }

  /// Runs several commands that do not touch each other's files, two at a time: a start takes a third of a second.
  std::vector<Outcome> run_all(const std::vector<Words>& commands) const {
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < commands.size(); i += 2) {
      Program first(folder_, commands[i]);
      if (i + 1 < commands.size()) {
        Program second(folder_, commands[i + 1]);
        outcomes.push_back(first.wait());
        outcomes.push_back(second.wait());
      } else {
        outcomes.push_back(first.wait());
      }
    }
    return outcomes;
  }

  /// Runs what must succeed.
  Outcome run_well(const Words& words) const {
    Outcome outcome = run(words);
    EXPECT_EQ(outcome.code, 0) << fmt::format("{}\n", fmt::join(words, " ")) << outcome.err;
    return outcome;
  }

  /// Runs `words` with --json and takes stdout apart.
  nlohmann::json run_json(Words words) const {
    words.emplace_back("--json");
    const nlohmann::json json = nlohmann::json::parse(run_well(words).out, nullptr, false);
    EXPECT_TRUE(json.is_object()) << "stdout is not one JSON object";
    return json;
  }

  /// `ntt transfer` of a few steps on the small data.
  static Words transfer(const std::string& out, const Words& more = {}) {
    return with(
        {"transfer", "--model", "small.toml", "--data", "small", "--density", "0.5", "--steps", "30", "--batch-size",
         "16", "--evaluate-interval", "10", "--held-out", "0.1", "--threads", "1", "--out", out},
        more);
  }
  /// `ntt train` of a few steps on the small data.
  static Words train(const std::string& out, const Words& more) {
    return with(
        {"train", "--data", "small", "--steps", "30", "--batch-size", "16", "--evaluate-interval", "10", "--out", out},
        more);
  }
  static Words dense() { return {"--method", "dense", "--model", "small.toml"}; }

  /// `words` followed by `more`; an option that both give keeps the latter value.
  static Words with(Words words, const Words& more) {
    for (const std::string& word : more) {
      const auto found = std::find(words.begin(), words.end(), word);
      if (word.starts_with("--") && found != words.end()) {
        words.erase(found, found + 2);
      }
    }
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  /// Every path below the folder.
  std::set<std::string> everything() const {
    std::set<std::string> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
      paths.insert(entry.path().lexically_relative(folder_).string());
    }
    return paths;
  }
  std::set<std::string> files_in(const std::string& name) const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / name)) {
      names.insert(entry.path().filename().string());
    }
    return names;
  }
  std::string network_of(const std::string& run) const { return read(folder_ / run / kNetworkFile); }
  nlohmann::json result_of(const std::string& run) const { return RunFolder(folder_ / run).read_result(); }

 private:
  /// Noise, brighter in the left half of class 0 and in the right half of class 1.
  void write_part(const std::string& part, std::int64_t count) const {
    RandomStream stream(7, part);
    const at::Tensor labels = at::arange(count, at::kLong).remainder(kClasses);
    at::Tensor images = random_normal(stream, {count, 4, 4}, 30.0, at::kFloat) + 100;
    for (std::int64_t i = 0; i < count; ++i) {
      images[i].narrow(1, 2 * (i % kClasses), 2) += 25;
    }
    write_npy(folder_ / "small" / (part + "-images.npy"), images.clamp(0, 255).to(at::kByte));
    write_npy(folder_ / "small" / (part + "-labels.npy"), labels);
  }
};

}  // namespace ntt
