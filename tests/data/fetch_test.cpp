#include "ntt/data/fetch.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

#include "ntt/data/checksum.h"
#include "tests/data/files.h"
#include "tests/data/http_server.h"
#include "tests/support/observers.h"

namespace ntt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class FetchTest : public FolderTest {
 protected:
  FetchTest() {
    for (std::size_t i = 0; i < 200'000; ++i) {
      content_ += static_cast<char>('a' + i * i % 26);
    }
    write_file(folder_ / "original", content_);
    sha256_ = sha256_of_file(folder_ / "original");
    behaviour_.files["/file"] = content_;
  }

  FetchRequest request(const HttpServer& server, const std::string& path = "/file") const {
    FetchRequest request;
    request.url = server.url(path);
    request.destination = destination_;
    request.sha256 = sha256_;
    request.bytes = static_cast<std::int64_t>(content_.size());
    request.attempts = 4;
    request.pause = std::chrono::milliseconds(1);
    return request;
  }
  static std::string run_error(const FetchRequest& request) {
    return error_of<RunError>([&] { fetch_file(request); });
  }

  std::string content_;
  std::string sha256_;
  HttpServer::Behaviour behaviour_;
  std::filesystem::path destination_ = folder_ / "new" / "file";
  std::filesystem::path part_ = folder_ / "new" / "file.part";
};

TEST_F(FetchTest, Sha256IsTheKnownOne) {
  write_file(folder_ / "abc", "abc");
  const std::string expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  EXPECT_EQ(sha256_of_file(folder_ / "abc"), expected);
  write_file(folder_ / "abc.gz", gzip("abc"));
  EXPECT_EQ(sha256_of_content(folder_ / "abc.gz"), expected);
}

TEST_F(FetchTest, FetchesAndReportsProgress) {
  const HttpServer server(behaviour_);
  Recorder recorder;
  fetch_file(request(server), recorder);
  EXPECT_TRUE(std::ranges::is_sorted(recorder.done, std::less_equal()));
  EXPECT_EQ(recorder.done.back(), 200'000);
  EXPECT_EQ(recorder.total, 200'000);
  EXPECT_EQ(recorder.finished, 1);
  EXPECT_EQ(read_file(destination_), content_);
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(FetchTest, StopsWhereTheObserverAsksAndGoesOnLater) {
  const HttpServer server(behaviour_);
  Stopper stopper;
  EXPECT_THAT(error_of<Interrupted>([&] { fetch_file(request(server), stopper); }), HasSubstr("was stopped"));
  EXPECT_FALSE(std::filesystem::exists(destination_));
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, AnExceptionOfTheObserverReachesTheCaller) {
  struct Thrower : Observer {
    void progress(const JobProgress& /*progress*/) override { throw std::logic_error("no more"); }
  } thrower;
  const HttpServer server(behaviour_);
  EXPECT_EQ(error_of<std::logic_error>([&] { fetch_file(request(server), thrower); }), "no more");
}

TEST_F(FetchTest, FollowsRedirects) {
  behaviour_.redirects["/old"] = "/file";
  const HttpServer server(behaviour_);
  fetch_file(request(server, "/old"));
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, GoesOnWhereTheConnectionWasCut) {
  behaviour_.cut = [](const HttpServer::Request& request) { return request.number < 3 ? 70'000 : 1'000'000; };
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
  const auto requests = server.requests();
  ASSERT_EQ(requests.size(), 3U);
  EXPECT_EQ(requests[1].from, 70'000U);
  EXPECT_EQ(requests[2].from, 140'000U);
}

TEST_F(FetchTest, KeepsThePartForTheNextRun) {
  behaviour_.cut = [](const HttpServer::Request& request) { return request.number <= 4 ? 10'000 : 1'000'000; };
  const HttpServer server(behaviour_);
  EXPECT_THAT(run_error(request(server)), AllOf(HasSubstr("tried 4 times"), HasSubstr("after 40000 bytes")));
  EXPECT_FALSE(std::filesystem::exists(destination_));
  EXPECT_EQ(std::filesystem::file_size(part_), 40'000U);
  fetch_file(request(server));
  EXPECT_EQ(server.requests().back().from, 40'000U);
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, StartsAgainWhereTheServerKnowsNoRanges) {
  behaviour_.ranges = false;
  behaviour_.cut = [](const HttpServer::Request& request) { return request.number == 1 ? 70'000 : 1'000'000; };
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, ACutThatLooksLikeTheEndIsNoticed) {
  behaviour_.lengths = false;
  behaviour_.cut = [](const HttpServer::Request& request) { return request.number == 1 ? 70'000 : 1'000'000; };
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(FetchTest, AnEndlessCutNeverMakesTheFile) {
  behaviour_.lengths = false;
  behaviour_.ranges = false;
  behaviour_.cut = [](const HttpServer::Request&) { return 70'000; };
  const HttpServer server(behaviour_);
  EXPECT_THAT(run_error(request(server)), HasSubstr("tried 4 times"));
  EXPECT_FALSE(std::filesystem::exists(destination_));
}

TEST_F(FetchTest, APartPastTheEndStartsAgainWhereTheLengthIsUnknown) {
  write_file(part_, content_ + "more");
  const HttpServer server(behaviour_);
  FetchRequest unknown = request(server);
  unknown.bytes = 0;
  fetch_file(unknown);
  EXPECT_EQ(read_file(destination_), content_);
  EXPECT_EQ(server.requests().back().from, 0U);
}

TEST_F(FetchTest, RemovesWrongContent) {
  behaviour_.files["/file"][100'000] = '!';
  const HttpServer server(behaviour_);
  EXPECT_THAT(run_error(request(server)), AllOf(HasSubstr("SHA-256"), HasSubstr(sha256_), HasSubstr("removed")));
  EXPECT_FALSE(std::filesystem::exists(destination_));
  EXPECT_FALSE(std::filesystem::exists(part_));
  EXPECT_EQ(server.requests().size(), 1U);
}

TEST_F(FetchTest, AStalePartCostsOneMoreTransferOnly) {
  write_file(part_, "of another file");
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
  EXPECT_EQ(server.requests().size(), 2U);
}

TEST_F(FetchTest, ChecksAWholePartWithoutAsking) {
  write_file(part_, content_);
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
  EXPECT_TRUE(server.requests().empty());
}

TEST_F(FetchTest, APartThatIsTooLongStartsAgain) {
  write_file(part_, content_ + "more");
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, RefusesALongerAndAShorterFile) {
  behaviour_.files["/file"] += "more";
  const HttpServer longer(behaviour_);
  EXPECT_THAT(run_error(request(longer)), HasSubstr("longer than the 200000 bytes"));
  behaviour_.files["/file"] = content_.substr(0, 1000);
  const HttpServer shorter(behaviour_);
  EXPECT_THAT(run_error(request(shorter)), HasSubstr("127.0.0.1"));
  EXPECT_FALSE(std::filesystem::exists(destination_));
}

TEST_F(FetchTest, DoesNotTryAgainAfterA404) {
  const HttpServer server(behaviour_);
  EXPECT_THAT(run_error(request(server, "/none")), AllOf(HasSubstr("/none"), HasSubstr("answers 404")));
  EXPECT_EQ(server.requests().size(), 1U);
  EXPECT_FALSE(std::filesystem::exists(part_));
}

TEST_F(FetchTest, TriesAgainAfterA503) {
  behaviour_.status = [](const HttpServer::Request& request) { return request.number < 3 ? 503 : 0; };
  const HttpServer server(behaviour_);
  fetch_file(request(server));
  EXPECT_EQ(server.requests().size(), 3U);
}

TEST_F(FetchTest, ReplacesAnOldFileOnlyWithAWholeOne) {
  write_file(destination_, "old");
  const HttpServer server(behaviour_);
  EXPECT_FALSE(run_error(request(server, "/none")).empty());
  EXPECT_EQ(read_file(destination_), "old");
  fetch_file(request(server));
  EXPECT_EQ(read_file(destination_), content_);
}

TEST_F(FetchTest, RefusesTwoProgramsAtOnceAndOtherProtocols) {
  const HttpServer server(behaviour_);
  write_file(part_, "");
  const int other = ::open(part_.c_str(), O_RDWR);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  EXPECT_THAT(run_error(request(server)), HasSubstr("another program"));
  ::close(other);
  FetchRequest file = request(server);
  file.url = "file:///etc/hostname";
  EXPECT_FALSE(run_error(file).empty());
  EXPECT_FALSE(std::filesystem::exists(destination_));
}

TEST_F(FetchTest, NamesTheServerThatIsNotThere) {
  std::string url;
  {
    const HttpServer gone(behaviour_);
    url = gone.url("/file");
  }
  FetchRequest file;
  file.url = url;
  file.destination = destination_;
  file.attempts = 2;
  file.pause = std::chrono::milliseconds(1);
  EXPECT_THAT(run_error(file), AllOf(HasSubstr(url), HasSubstr("tried 2 times")));
}

TEST_F(FetchTest, DataSetsComeFromTheMirror) {
  const ScopedVariable root("NTT_DATA", (folder_ / "root").string());
  const HttpServer server(behaviour_);
  EXPECT_THAT(error_of<RunError>([&] { fetch_dataset("svhn", server.url("/mirror")); }),
              HasSubstr("/mirror/train_32x32.mat: the server answers 404"));
  EXPECT_THAT(input_error([&] { fetch_dataset("glyphs"); }), HasSubstr("must be one of mnist"));
}

}  // namespace
}  // namespace ntt
