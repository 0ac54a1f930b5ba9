#include "cli/process/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/ansicolor_sink.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace ntt {
namespace {

/// The pattern's `%*`: "warning: " and "error: " where a message is one, nothing before plain information.
class LevelWord : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm& /*time*/, spdlog::memory_buf_t& out) override {
    const std::string_view word = text(message.level);
    out.append(word.data(), word.data() + word.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override { return std::make_unique<LevelWord>(); }

 private:
  static std::string_view text(spdlog::level::level_enum level) {
    switch (level) {
      case spdlog::level::warn:
        return "warning: ";
      case spdlog::level::err:
      case spdlog::level::critical:
        return "error: ";
      case spdlog::level::debug:
      case spdlog::level::trace:
        return "debug: ";
      default:
        return "";
    }
  }
};

spdlog::level::level_enum level_of(Verbosity verbosity) {
  switch (verbosity) {
    case Verbosity::kQuiet:
      return spdlog::level::warn;
    case Verbosity::kVerbose:
      return spdlog::level::debug;
    default:
      return spdlog::level::info;
  }
}

}  // namespace

void setup_log(Verbosity verbosity) {
  const auto colour = std::getenv("NO_COLOR") == nullptr ? spdlog::color_mode::automatic : spdlog::color_mode::never;
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_mt>(colour);
  auto logger = std::make_shared<spdlog::logger>("ntt", std::move(sink));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<LevelWord>('*');
  // On a terminal a message takes the place of the progress bar, which is drawn anew below it.
  formatter->set_pattern(isatty(STDERR_FILENO) != 0 ? "\r\x1b[K%^%*%$%v" : "%*%v");
  logger->set_formatter(std::move(formatter));
  logger->set_level(level_of(verbosity));
  spdlog::set_default_logger(std::move(logger));
}

void log_warnings(const std::vector<std::string>& warnings) {
  for (const std::string& warning : warnings) {
    spdlog::warn("{}", warning);
  }
}

}  // namespace ntt
