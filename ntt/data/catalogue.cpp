#include "ntt/data/catalogue.h"

#include <fmt/format.h>

namespace ntt {

const std::vector<KnownDataset>& known_datasets() {
  static const std::vector<std::string> idx_names{"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                                  "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
  constexpr std::int64_t kPixels = 3 * 32 * 32;
  constexpr std::int64_t kBatch = 10000 * (1 + kPixels);
  static const std::vector<KnownDataset> all{
      {"mnist",
       "mnist",
       "https://ossci-datasets.s3.amazonaws.com/mnist/",
       {{idx_names[0], 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
         "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
        {idx_names[1], 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
         "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
        {idx_names[2], 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
         "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
        {idx_names[3], 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
         "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
       idx_names},
      {"fashion-mnist",
       "fashion-mnist",
       "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
       {{idx_names[0], 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
         "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
        {idx_names[1], 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
         "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
        {idx_names[2], 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
         "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
        {idx_names[3], 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
         "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
       idx_names},
      {"cifar-10",
       "cifar-10-batches-bin",
       "https://www.cs.toronto.edu/~kriz/",
       {{"cifar-10-binary.tar.gz", 170052171, "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9dddda3db29a59bca1dd", ""}},
       {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
        "test_batch.bin"},
       {{"data_batch_1.bin", kBatch},
        {"data_batch_2.bin", kBatch},
        {"data_batch_3.bin", kBatch},
        {"data_batch_4.bin", kBatch},
        {"data_batch_5.bin", kBatch},
        {"test_batch.bin", kBatch}}},
      {"cifar-100",
       "cifar-100-binary",
       "https://www.cs.toronto.edu/~kriz/",
       {{"cifar-100-binary.tar.gz", 168513733, "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", ""}},
       {"train.bin", "test.bin", "fine_label_names.txt"},
       {{"train.bin", 50000 * (2 + kPixels)}, {"test.bin", 10000 * (2 + kPixels)}}},
      {"svhn",
       "svhn",
       "http://ufldl.stanford.edu/housenumbers/",
       {{"train_32x32.mat", 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8", ""},
        {"test_32x32.mat", 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b", ""}},
       {"train_32x32.mat", "test_32x32.mat"}},
  };
  return all;
}

const KnownDataset* find_known_dataset(std::string_view name) {
  for (const KnownDataset& known : known_datasets()) {
    if (known.name == name) {
      return &known;
    }
  }
  return nullptr;
}

std::string known_dataset_names() {
  std::vector<std::string> names;
  for (const KnownDataset& known : known_datasets()) {
    names.push_back(known.name);
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace ntt
