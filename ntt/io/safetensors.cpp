#include "ntt/io/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>
#include <utility>

#include "ntt/core/error.h"
#include "ntt/io/atomic_file.h"

namespace ntt {
namespace {

static_assert(std::endian::native == std::endian::little, "safetensors holds little-endian numbers");

using nlohmann::json;

constexpr std::uint64_t kLongestHeader = 100'000'000;
constexpr std::string_view kMetadataKey = "__metadata__";

struct DtypeName {
  std::string_view name;
  at::ScalarType dtype;
};
constexpr std::array<DtypeName, 10> kDtypes{{{"F64", at::kDouble},
                                             {"F32", at::kFloat},
                                             {"F16", at::kHalf},
                                             {"BF16", at::kBFloat16},
                                             {"I64", at::kLong},
                                             {"I32", at::kInt},
                                             {"I16", at::kShort},
                                             {"I8", at::kChar},
                                             {"U8", at::kByte},
                                             {"BOOL", at::kBool}}};

/// One tensor as the header describes it.
struct Entry {
  std::string name;
  at::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin;
  std::uint64_t end;
};

/// Reads one file; every fault is an InputError that starts with the file's name.
class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : origin_(path.string()) {
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) {
      fail_input("cannot read {}: {}", origin_, error ? error.message() : "it is not a file");
    }
    file_size_ = std::filesystem::file_size(path, error);
    stream_.open(path, std::ios::binary);
    if (error || !stream_) {
      fail_input("cannot read {}: the file cannot be opened", origin_);
    }
  }

  TensorFile read() {
    TensorFile file;
    file.origin = origin_;
    std::vector<Entry> entries = parse_header(read_header(), file);
    check_layout(entries);
    for (const Entry& entry : entries) {
      file.tensors.emplace_back(entry.name, read_tensor(entry));
    }
    return file;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    fail_input("{} is not a valid safetensors file: {}", origin_, fmt::format(format, std::forward<Args>(args)...));
  }

  void read_bytes(char* destination, std::uint64_t count) {
    if (count > 0 && !stream_.read(destination, static_cast<std::streamsize>(count))) {
      fail_input("cannot read {}: the file ended or failed while being read", origin_);
    }
  }

  std::string read_header() {
    if (file_size_ < 8) {
      fail("it has {} bytes and the header's length alone takes 8", file_size_);
    }
    std::uint64_t length = 0;
    read_bytes(reinterpret_cast<char*>(&length), sizeof length);
    if (length > kLongestHeader) {
      fail("its header would take {} bytes, more than the {} allowed", length, kLongestHeader);
    }
    if (length > file_size_ - 8) {
      fail("it ends within its header ({} bytes of {})", file_size_ - 8, length);
    }
    data_size_ = file_size_ - 8 - length;
    std::string header(length, '\0');
    read_bytes(header.data(), length);
    if (!header.starts_with('{')) {
      fail("its header does not start with '{{'");
    }
    return header;
  }

  std::vector<Entry> parse_header(const std::string& header, TensorFile& file) {
    // nlohmann::json forgets order and keeps one of two equal keys, so the keys are noted while parsing.
    std::vector<std::string> order;
    std::vector<std::set<std::string>> keys;
    const auto note = [&](int depth, json::parse_event_t event, json& value) {
      if (event == json::parse_event_t::object_start) {
        keys.emplace_back();
      } else if (event == json::parse_event_t::object_end) {
        keys.pop_back();
      } else if (event == json::parse_event_t::key) {
        const auto& key = value.get_ref<const std::string&>();
        if (!keys.back().insert(key).second) {
          fail("its header has the key '{}' twice", key);
        }
        if (depth == 1) {
          order.push_back(key);
        }
      }
      return true;
    };
    json root;
    try {
      root = json::parse(header, note);
    } catch (const json::exception&) {
      fail("its header is not valid JSON");
    }
    std::vector<Entry> entries;
    for (const std::string& name : order) {
      if (name == kMetadataKey) {
        read_metadata(root[name], file.metadata);
      } else {
        entries.push_back(parse_entry(name, root[name]));
      }
    }
    return entries;
  }

  void read_metadata(const json& value, std::map<std::string, std::string>& metadata) const {
    if (!value.is_object()) {
      fail("{} is not an object", kMetadataKey);
    }
    for (const auto& [key, text] : value.items()) {
      if (!text.is_string()) {
        fail("{} entry '{}' is not a string", kMetadataKey, key);
      }
      metadata.emplace(key, text.get<std::string>());
    }
  }

  [[nodiscard]] Entry parse_entry(const std::string& name, const json& value) const {
    if (!value.is_object() || !value.contains("dtype") || !value.contains("shape") || !value.contains("data_offsets")) {
      fail("tensor '{}' lacks dtype, shape or data_offsets", name);
    }
    const json& offsets = value["data_offsets"];
    if (!offsets.is_array() || offsets.size() != 2 || !offsets[0].is_number_unsigned() ||
        !offsets[1].is_number_unsigned() || offsets[1] < offsets[0]) {
      fail("tensor '{}' has data_offsets {}, not [begin, end]", name, offsets.dump());
    }
    Entry entry{name, parse_dtype(name, value["dtype"]), {}, offsets[0].get<std::uint64_t>(), offsets[1]};
    std::int64_t bytes = static_cast<std::int64_t>(c10::elementSize(entry.dtype));
    bool empty = false;
    if (!value["shape"].is_array()) {
      fail("tensor '{}' has shape {}, not a list of sizes", name, value["shape"].dump());
    }
    for (const json& size : value["shape"]) {
      if (!size.is_number_unsigned() || size.get<std::uint64_t>() > INT64_MAX) {
        fail("tensor '{}' has shape {}, not a list of sizes", name, value["shape"].dump());
      }
      entry.shape.push_back(size.get<std::int64_t>());
      empty = empty || entry.shape.back() == 0;
      // Zeros left out: strides overflow even where the product is zero.
      if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(entry.shape.back(), 1), &bytes)) {
        fail("tensor '{}' has shape {}, too large to count its bytes", name, value["shape"].dump());
      }
    }
    const auto expected = static_cast<std::uint64_t>(empty ? 0 : bytes);
    if (entry.end - entry.begin != expected) {
      fail("tensor '{}' has {} bytes where its shape and dtype need {}", name, entry.end - entry.begin, expected);
    }
    return entry;
  }

  [[nodiscard]] at::ScalarType parse_dtype(const std::string& name, const json& value) const {
    for (const DtypeName& known : kDtypes) {
      if (value.is_string() && value.get_ref<const std::string&>() == known.name) {
        return known.dtype;
      }
    }
    fail_input("{}: tensor '{}' has dtype {}, which NTT does not read", origin_, name,
               value.dump(-1, ' ', false, json::error_handler_t::replace));
  }

  void check_layout(const std::vector<Entry>& entries) const {
    std::vector<const Entry*> by_offset;
    for (const Entry& entry : entries) {
      by_offset.push_back(&entry);
    }
    std::ranges::sort(by_offset, {}, [](const Entry* entry) { return std::pair(entry->begin, entry->end); });
    std::uint64_t position = 0;
    for (const Entry* entry : by_offset) {
      if (entry->begin != position) {
        fail("tensor '{}' starts at byte {} of the data where {} comes next, which leaves {}", entry->name,
             entry->begin, position, entry->begin > position ? "a hole" : "an overlap");
      }
      position = entry->end;
    }
    if (position > data_size_) {
      fail("it is truncated: its tensors need {} bytes of data and it has {}", position, data_size_);
    }
    if (position < data_size_) {
      fail("it has {} bytes after its last tensor", data_size_ - position);
    }
  }

  at::Tensor read_tensor(const Entry& entry) {
    at::Tensor tensor = at::empty(entry.shape, entry.dtype);
    stream_.seekg(static_cast<std::streamoff>(file_size_ - data_size_ + entry.begin));
    auto* bytes = static_cast<char*>(tensor.data_ptr());
    const std::uint64_t count = entry.end - entry.begin;
    read_bytes(bytes, count);
    if (entry.dtype == at::kBool &&
        std::any_of(bytes, bytes + count, [](char byte) { return byte != 0 && byte != 1; })) {
      fail("tensor '{}' is BOOL and holds bytes other than 0 and 1", entry.name);
    }
    return tensor;
  }

  std::string origin_;
  std::ifstream stream_;
  std::uint64_t file_size_ = 0;
  std::uint64_t data_size_ = 0;
};

std::string_view dtype_name(const std::string& tensor, at::ScalarType dtype) {
  for (const DtypeName& known : kDtypes) {
    if (known.dtype == dtype) {
      return known.name;
    }
  }
  fail_run("tensor '{}' has a dtype that safetensors cannot hold: {}", tensor, c10::toString(dtype));
}

/// The tensors' places in the data, by falling element size and then in the given order.
std::vector<std::size_t> data_order(const TensorFile& file) {
  std::vector<std::size_t> order(file.tensors.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::ranges::stable_sort(order, std::greater<>{},
                           [&](std::size_t i) { return file.tensors[i].second.element_size(); });
  return order;
}

std::string build_header(const TensorFile& file, const std::vector<std::size_t>& order) {
  std::vector<std::uint64_t> begins(order.size());
  std::uint64_t position = 0;
  for (const std::size_t i : order) {
    begins[i] = position;
    position += file.tensors[i].second.nbytes();
  }
  std::set<std::string_view> names{kMetadataKey};
  std::vector<std::string> members;
  const auto quote = [](const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  };
  if (!file.metadata.empty()) {
    members.push_back(fmt::format("{}:{}", quote(std::string(kMetadataKey)),
                                  json(file.metadata).dump(-1, ' ', false, json::error_handler_t::replace)));
  }
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    const auto& [name, tensor] = file.tensors[i];
    if (!names.insert(name).second) {
      fail_run("a safetensors file cannot hold two tensors named '{}'", name);
    }
    members.push_back(fmt::format(R"({}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})", quote(name),
                                  dtype_name(name, tensor.scalar_type()), fmt::join(tensor.sizes().vec(), ","),
                                  begins[i], begins[i] + tensor.nbytes()));
  }
  std::string header = fmt::format("{{{}}}", fmt::join(members, ","));
  header.resize((header.size() + 7) / 8 * 8, ' ');
  return header;
}

}  // namespace

const at::Tensor& TensorFile::at(std::string_view name) const {
  for (const auto& [key, tensor] : tensors) {
    if (key == name) {
      return tensor;
    }
  }
  fail_input("{} has no tensor named '{}'", origin.empty() ? "the tensor file" : origin, name);
}

bool TensorFile::contains(std::string_view name) const {
  return std::ranges::any_of(tensors, [&](const auto& entry) { return entry.first == name; });
}

TensorFile read_safetensors(const std::filesystem::path& path) {
  return Reader(path).read();
}

void write_safetensors(const std::filesystem::path& path, const TensorFile& file) {
  const std::vector<std::size_t> order = data_order(file);
  const std::string header = build_header(file, order);
  const std::uint64_t length = header.size();
  AtomicFile out(path);
  out.write({reinterpret_cast<const char*>(&length), sizeof length});
  out.write(header);
  for (const std::size_t i : order) {
    const at::Tensor tensor = file.tensors[i].second.to(at::kCPU).contiguous();
    out.write({static_cast<const char*>(tensor.data_ptr()), tensor.nbytes()});
  }
  out.commit();
}

}  // namespace ntt
