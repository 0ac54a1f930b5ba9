#include <ATen/ATen.h>
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "cli/commands.h"
#include "cli/process/terminal_observer.h"
#include "ntt/core/error.h"
#include "ntt/data/catalogue.h"
#include "ntt/data/dataset.h"
#include "ntt/data/fetch.h"
#include "ntt/data/verify.h"

namespace ntt {
namespace {

constexpr const char* kNameHelp = "mnist, fashion-mnist, cifar-10, cifar-100, svhn, glyphs, or a folder of .npy files";

std::string presence(const KnownDataset& known) {
  const std::filesystem::path folder = data_root() / known.folder;
  std::size_t present = 0;
  for (const std::string& name : known.needed) {
    const std::filesystem::path path = folder / name;
    const bool unpacked = path.extension() == ".gz" && std::filesystem::exists(folder / path.stem());
    present += std::filesystem::exists(path) || unpacked ? 1 : 0;
  }
  if (present == known.needed.size()) {
    return "present";
  }
  return present == 0 ? "not there" : fmt::format("{} of {} files", present, known.needed.size());
}

void list_datasets() {
  constexpr const char* kRow = "{:<14} {:<14} {}\n";
  fmt::print(fmt::runtime(kRow), "name", "state", "place");
  for (const KnownDataset& known : known_datasets()) {
    fmt::print(fmt::runtime(kRow), known.name, presence(known), (data_root() / known.folder).string());
  }
  fmt::print(fmt::runtime(kRow), "glyphs", "built in", "drawn when asked for");
}

std::string shape_of(const at::Tensor& images) {
  return fmt::format("{} [{}]", images.scalar_type() == at::kByte ? "uint8" : "float32",
                     fmt::join(images.sizes(), ", "));
}

void print_info(const std::string& name) {
  const Dataset dataset = load_dataset(name);
  fmt::print("name            {}\n", dataset.name);
  fmt::print("training        {}\n", shape_of(dataset.train_images));
  fmt::print("test            {}\n", shape_of(dataset.test_images));
  fmt::print("classes         {}\n", dataset.classes);
  const Normalisation statistics = standardise(dataset).normalisation;
  fmt::print("mean            {:.6f}\n", fmt::join(statistics.mean, " "));
  fmt::print("deviation       {:.6f}\n", fmt::join(statistics.standard_deviation, " "));
  if (!dataset.note.empty()) {
    fmt::print("note            {}\n", dataset.note);
  }
  const at::Tensor train = at::bincount(dataset.train_labels, {}, dataset.classes);
  const at::Tensor test = at::bincount(dataset.test_labels, {}, dataset.classes);
  fmt::print("\nclass  {:<14} {:>9} {:>9}\n", "name", "training", "test");
  for (std::int64_t c = 0; c < dataset.classes; ++c) {
    const bool named = !dataset.class_names.empty();
    fmt::print("{:<6} {:<14} {:>9} {:>9}\n", c, named ? dataset.class_names[static_cast<std::size_t>(c)] : "-",
               train[c].item<std::int64_t>(), test[c].item<std::int64_t>());
  }
}

/// Shows bytes: a line that is rewritten on a terminal, one line each tenth of the file elsewhere.
class FetchObserver : public TerminalObserver {
 public:
  void progress(const JobProgress& progress) override {
    const auto [received, total] = std::pair(progress.done, progress.total);
    const std::int64_t steps = terminal_ ? 1000 : 10;
    const std::int64_t step = total > 0 ? received * steps / total : received >> 20U;
    if (step == last_) {
      return;
    }
    last_ = step;
    constexpr double kMebibyte = 1024.0 * 1024.0;
    const std::string whole =
        total > 0 ? fmt::format(" of {:.1f} MiB ({} %)", static_cast<double>(total) / kMebibyte, received * 100 / total)
                  : " MiB";
    fmt::print(stderr, "{}  {:.1f}{}{}", terminal_ ? "\r" : "", static_cast<double>(received) / kMebibyte, whole,
               terminal_ && received != total ? "" : "\n");
    std::fflush(stderr);
  }

 private:
  bool terminal_ = ::isatty(STDERR_FILENO) == 1;
  std::int64_t last_ = -1;
};

void verify(const std::string& name) {
  std::size_t problems = 0;
  if (const KnownDataset* known = find_known_dataset(name)) {
    for (const FileCheck& check : check_files(*known, data_root() / known->folder)) {
      fmt::print("{:<28} {}\n", check.name, check.verdict);
      problems += check.present && !check.good ? 1 : 0;
    }
  }
  std::string note;
  try {
    const Dataset dataset = load_dataset(name);
    note = dataset.note.empty() ? "" : fmt::format(" ({})", dataset.note);
  } catch (const InputError& error) {
    throw RunError(error.what());  // the answer is no: not the question was wrong
  }
  if (problems > 0) {
    fail_run("{}: {} file{} not as published; `ntt data fetch {}` replaces what is wrong", name, problems,
             problems == 1 ? " is" : "s are", name);
  }
  fmt::print("{}: OK{}\n", name, note);
}

}  // namespace

void add_data_command(CLI::App& app) {
  CLI::App* data = app.add_subcommand("data", "List, describe, fetch and check data sets");
  data->require_subcommand(1);
  data->footer("Example:\n  ntt data fetch mnist && ntt data info mnist");
  const auto name = std::make_shared<std::string>();
  const auto mirror = std::make_shared<std::string>();

  CLI::App* list = data->add_subcommand("list", "The data sets known by name, and whether they are here");
  list->footer("Example:\n  NTT_DATA=/data ntt data list");
  list->callback([] { list_datasets(); });

  CLI::App* info = data->add_subcommand("info", "Shapes, images a class, mean and deviation");
  info->add_option("name", *name, kNameHelp)->required();
  info->footer("Example:\n  ntt data info glyphs");
  info->callback([name] { print_info(*name); });

  CLI::App* fetch = data->add_subcommand("fetch", "Fetch a data set's published files; goes on where it was cut");
  fetch->add_option("name", *name, "mnist, fashion-mnist, cifar-10, cifar-100 or svhn")->required();
  fetch->add_option("--mirror", *mirror, "URL of a folder that holds the same files")->type_name("URL");
  fetch->footer("Example:\n  ntt data fetch fashion-mnist --mirror https://example.org/fashion-mnist/");
  fetch->callback([name, mirror] {
    FetchObserver observer;
    fetch_dataset(*name, *mirror, observer);
    fmt::print("{} is at {}\n", *name, (data_root() / find_known_dataset(*name)->folder).string());
  });

  CLI::App* check = data->add_subcommand("verify", "Read every file and compare it with what was published");
  check->add_option("name", *name, kNameHelp)->required();
  check->footer("Example:\n  ntt data verify cifar-10");
  check->callback([name] { verify(*name); });
}

}  // namespace ntt
