#include "ntt/io/npy.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>

#include "ntt/core/error.h"

namespace ntt {
namespace {

static_assert(std::endian::native == std::endian::little, "the elements are read and written as they lie in memory");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr const char* kSupported = "bool, uint8, int32, int64, float32 or float64";

struct TypeName {
  std::string_view code;
  at::ScalarType dtype;
};
constexpr std::array<TypeName, 6> kTypes{{{"b1", at::kBool},
                                          {"u1", at::kByte},
                                          {"i4", at::kInt},
                                          {"i8", at::kLong},
                                          {"f4", at::kFloat},
                                          {"f8", at::kDouble}}};

struct Header {
  at::ScalarType dtype = at::kFloat;
  bool fortran = false;
  std::vector<std::int64_t> shape;
  std::uint64_t data_offset = 0;
};

/// Elements of `shape`, or nothing where their bytes do not fit in 63 bits.
std::optional<std::int64_t> count_elements(const std::vector<std::int64_t>& shape, std::size_t element_size) {
  std::int64_t count = 1;
  std::int64_t bytes = 0;
  bool empty = false;
  for (const std::int64_t extent : shape) {
    empty = empty || extent == 0;
  }
  for (const std::int64_t extent : shape) {
    if (extent < 0 || (!empty && __builtin_mul_overflow(count, extent, &count))) {
      return std::nullopt;
    }
  }
  if (__builtin_mul_overflow(count, static_cast<std::int64_t>(element_size), &bytes)) {
    return std::nullopt;
  }
  return empty ? 0 : count;
}

/// Reads the header's Python dictionary, nothing more of the language.
class DictionaryParser {
 public:
  DictionaryParser(const std::filesystem::path& path, std::string_view text) : path_(path), text_(text) {}

  Header parse() {
    Header header;
    bool has_type = false;
    bool has_order = false;
    bool has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string key = parse_string();
      expect(':');
      if (key == "descr" && !has_type) {
        header.dtype = parse_type();
        has_type = true;
      } else if (key == "fortran_order" && !has_order) {
        header.fortran = parse_bool();
        has_order = true;
      } else if (key == "shape" && !has_shape) {
        header.shape = parse_shape();
        has_shape = true;
      } else {
        fail();
      }
      if (!accept(',') && peek() != '}') {
        fail();
      }
    }
    if (!has_type || !has_order || !has_shape || peek() != '\0') {
      fail();
    }
    return header;
  }

 private:
  [[noreturn]] void fail() const {
    fail_input("{}: the .npy header is damaged: it must be a dictionary of descr, fortran_order and shape",
               path_.string());
  }

  char peek() {
    while (position_ < text_.size() && (text_[position_] == ' ' || text_[position_] == '\n')) {
      ++position_;
    }
    return position_ < text_.size() ? text_[position_] : '\0';
  }

  bool accept(char c) {
    if (peek() != c) {
      return false;
    }
    ++position_;
    return true;
  }

  void expect(char c) {
    if (!accept(c)) {
      fail();
    }
  }

  std::string parse_string() {
    const char quote = peek();
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, position_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) {
      fail();
    }
    const std::string value(text_.substr(position_ + 1, end - position_ - 1));
    position_ = end + 1;
    return value;
  }

  bool parse_bool() {
    peek();
    for (const bool value : {true, false}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(position_, word.size()) == word) {
        position_ += word.size();
        return value;
      }
    }
    fail();
  }

  at::ScalarType parse_type() {
    if (peek() == '[') {
      fail_input("{}: holds records with fields; NTT reads plain arrays of {}", path_.string(), kSupported);
    }
    const std::string code = parse_string();
    const bool has_order = !code.empty() && std::string_view("<>|=").find(code.front()) != std::string_view::npos;
    const std::string_view plain = std::string_view(code).substr(has_order ? 1 : 0);
    for (const TypeName& type : kTypes) {
      if (plain == type.code) {
        if (code.front() == '>') {
          fail_input("{}: is big-endian ('{}'); save it little-endian, as '<{}'", path_.string(), code, plain);
        }
        return type.dtype;
      }
    }
    fail_input("{}: has element type '{}'; NTT reads {}", path_.string(), code, kSupported);
  }

  std::vector<std::int64_t> parse_shape() {
    std::vector<std::int64_t> shape;
    expect('(');
    while (!accept(')')) {
      std::int64_t extent = 0;
      bool any = false;
      for (char c = peek(); c >= '0' && c <= '9'; c = position_ < text_.size() ? text_[position_] : '\0', any = true) {
        if (__builtin_mul_overflow(extent, std::int64_t{10}, &extent) ||
            __builtin_add_overflow(extent, std::int64_t{c - '0'}, &extent)) {
          fail_input("{}: has a dimension that no machine can hold", path_.string());
        }
        ++position_;
      }
      if (!any || (!accept(',') && peek() != ')')) {
        fail();
      }
      shape.push_back(extent);
    }
    return shape;
  }

  const std::filesystem::path& path_;
  std::string_view text_;
  std::size_t position_ = 0;
};

Header read_header(const std::filesystem::path& path, std::ifstream& file, std::uint64_t file_size) {
  std::array<unsigned char, 12> start{};
  file.read(reinterpret_cast<char*>(start.data()), start.size());
  const auto have = static_cast<std::uint64_t>(file.gcount());
  if (have < kMagic.size() || std::memcmp(start.data(), kMagic.data(), kMagic.size()) != 0) {
    fail_input("{}: is not a .npy file: it must start with \\x93NUMPY", path.string());
  }
  const int version = start[6];
  if (have == start.size() && (version < 1 || version > 3 || start[7] != 0)) {
    fail_input("{}: has .npy version {}.{}; NTT reads 1.0, 2.0 and 3.0", path.string(), version, start[7]);
  }
  const std::uint64_t prefix = version == 1 ? 10 : 12;
  std::uint64_t length = start[8] | static_cast<std::uint64_t>(start[9]) << 8U;
  if (version != 1) {
    length |= static_cast<std::uint64_t>(start[10]) << 16U | static_cast<std::uint64_t>(start[11]) << 24U;
  }
  if (have < start.size() || prefix + length > file_size) {
    fail_input("{}: is cut off inside its header; copy or save it again", path.string());
  }
  std::string text(length, '\0');
  file.clear();
  file.seekg(static_cast<std::streamoff>(prefix));
  file.read(text.data(), static_cast<std::streamsize>(length));
  Header header = DictionaryParser(path, text).parse();
  header.data_offset = prefix + length;
  return header;
}

void check_bools(const std::filesystem::path& path, const at::Tensor& tensor) {
  const auto* bytes = static_cast<const unsigned char*>(tensor.data_ptr());
  for (std::int64_t i = 0; i < tensor.numel(); ++i) {
    if (bytes[i] > 1) {
      fail_input("{}: element {} of a bool array is byte {}; it must be 0 or 1", path.string(), i, bytes[i]);
    }
  }
}

std::string make_header(const std::string& code, const std::vector<std::int64_t>& shape) {
  std::string dictionary = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", code,
                                       fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t kPrefix = 10;
  constexpr std::size_t kAlignment = 64;
  const std::size_t unpadded = kPrefix + dictionary.size() + 1;
  dictionary.append((kAlignment - unpadded % kAlignment) % kAlignment, ' ');
  dictionary.push_back('\n');
  std::string header(kMagic);
  header.push_back('\x01');
  header.push_back('\x00');
  header.push_back(static_cast<char>(dictionary.size() & 0xffU));
  header.push_back(static_cast<char>(dictionary.size() >> 8U));
  return header + dictionary;
}

std::string code_of(at::ScalarType dtype) {
  for (const TypeName& type : kTypes) {
    if (type.dtype == dtype) {
      return fmt::format("{}{}", at::elementSize(dtype) == 1 ? '|' : '<', type.code);
    }
  }
  fail_input("cannot write elements of type {} to a .npy file; they must be {}", at::toString(dtype), kSupported);
}

void write_all(int descriptor, const std::filesystem::path& path, const char* data, std::size_t bytes,
               std::int64_t offset) {
  while (bytes > 0) {
    const ssize_t done = ::pwrite(descriptor, data, bytes, offset);
    if (done < 0 && errno == EINTR) {
      continue;
    }
    if (done <= 0) {
      fail_run("cannot write {}: {}", path.string(), std::strerror(errno));
    }
    data += done;
    bytes -= static_cast<std::size_t>(done);
    offset += done;
  }
}

}  // namespace

at::Tensor read_npy(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) {
    fail_input("{}: is not there, or is no file; it must be a .npy file", path.string());
  }
  const std::uint64_t file_size = std::filesystem::file_size(path);
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    fail_input("{}: cannot be opened for reading", path.string());
  }
  const Header header = read_header(path, file, file_size);
  const std::optional<std::int64_t> count = count_elements(header.shape, at::elementSize(header.dtype));
  const std::uint64_t have = file_size - header.data_offset;
  const std::uint64_t need = count ? static_cast<std::uint64_t>(*count) * at::elementSize(header.dtype) : UINT64_MAX;
  if (have != need) {
    fail_input("{}: shape ({}) of {} needs {} bytes of data and the file has {}; save it again", path.string(),
               fmt::join(header.shape, ", "), at::toString(header.dtype),
               count ? std::to_string(need) : "more than 2^63", have);
  }
  std::vector<std::int64_t> stored = header.shape;
  if (header.fortran) {
    std::reverse(stored.begin(), stored.end());
  }
  at::Tensor tensor = at::empty(stored, at::TensorOptions(header.dtype));
  if (need > 0) {
    file.read(static_cast<char*>(tensor.data_ptr()), static_cast<std::streamsize>(need));
    if (static_cast<std::uint64_t>(file.gcount()) != need) {
      fail_run("{}: reading stopped after {} of {} bytes", path.string(), file.gcount(), need);
    }
  }
  if (header.dtype == at::kBool) {
    check_bools(path, tensor);
  }
  if (header.fortran) {
    std::vector<std::int64_t> reversed(stored.size());
    std::iota(reversed.rbegin(), reversed.rend(), 0);
    tensor = tensor.permute(reversed).contiguous();
  }
  return tensor;
}

void write_npy(const std::filesystem::path& path, const at::Tensor& tensor) {
  NpyWriter writer(path, tensor.scalar_type(), tensor.sizes().vec());
  writer.write_block(0, tensor);
  writer.finish();
}

std::string npy_bytes(const at::Tensor& tensor) {
  const at::Tensor elements = tensor.detach().cpu().contiguous();
  return make_header(code_of(tensor.scalar_type()), tensor.sizes().vec())
      .append(static_cast<const char*>(elements.data_ptr()), elements.nbytes());
}

NpyWriter::NpyWriter(std::filesystem::path path, at::ScalarType dtype, std::vector<std::int64_t> shape)
    : path_(std::move(path)), temporary_(path_), dtype_(dtype), elements_(0) {
  const std::string header = make_header(code_of(dtype), shape);
  const std::optional<std::int64_t> count = count_elements(shape, at::elementSize(dtype));
  if (!count) {
    fail_input("{}: shape ({}) is negative or larger than a file can be", path_.string(), fmt::join(shape, ", "));
  }
  elements_ = *count;
  data_offset_ = static_cast<std::int64_t>(header.size());
  temporary_ += fmt::format(".{}.tmp", ::getpid());
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0) {
    fail_input("{}: cannot be written here: {}", path_.string(), std::strerror(errno));
  }
  try {
    write_all(descriptor_, path_, header.data(), header.size(), 0);
  } catch (...) {  // no destructor runs after a constructor that throws
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
    throw;
  }
}

NpyWriter::~NpyWriter() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
    ::unlink(temporary_.c_str());
  }
}

void NpyWriter::write_block(std::int64_t offset_elements, const at::Tensor& block) {
  if (descriptor_ < 0) {
    fail_input("{}: is finished; nothing more can be written to it", path_.string());
  }
  if (block.scalar_type() != dtype_) {
    fail_input("{}: a block of {} cannot go into a file of {}", path_.string(), at::toString(block.scalar_type()),
               at::toString(dtype_));
  }
  if (offset_elements < 0 || block.numel() > elements_ - offset_elements) {
    fail_input("{}: a block of {} elements from {} on lies outside the {} elements of the array", path_.string(),
               block.numel(), offset_elements, elements_);
  }
  const at::Tensor contiguous = block.detach().cpu().contiguous();
  const auto size = static_cast<std::int64_t>(at::elementSize(dtype_));
  write_all(descriptor_, path_, static_cast<const char*>(contiguous.data_ptr()),
            static_cast<std::size_t>(contiguous.numel() * size), data_offset_ + offset_elements * size);
  written_ += block.numel();
}

void NpyWriter::finish() {
  if (descriptor_ < 0) {
    fail_input("{}: is finished already", path_.string());
  }
  if (written_ != elements_) {
    fail_input("{}: {} elements were written where the shape holds {}", path_.string(), written_, elements_);
  }
  const int closed = ::close(descriptor_);
  descriptor_ = -1;
  std::error_code error;
  if (closed == 0) {
    std::filesystem::rename(temporary_, path_, error);
  }
  if (closed != 0 || error) {
    const std::string reason = error ? error.message() : std::strerror(errno);
    ::unlink(temporary_.c_str());
    fail_run("cannot write {}: {}", path_.string(), reason);
  }
}

}  // namespace ntt
