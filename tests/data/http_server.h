#pragma once

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace ntt {

/// An HTTP server on 127.0.0.1 that misbehaves as told; each connection carries one request.
class HttpServer {
 public:
  struct Request {
    std::string path;
    std::size_t from = 0;  ///< of the Range header
    int number = 0;        ///< counts all requests, from 1
  };
  struct Behaviour {
    std::map<std::string, std::string> files;      ///< path, content
    std::map<std::string, std::string> redirects;  ///< path, other path
    bool ranges = true;
    bool lengths = true;  ///< whether answers say how long they are
    std::function<int(const Request&)> status = [](const Request&) { return 0; };  ///< other than 0: an error
    std::function<std::size_t(const Request&)> cut = [](const Request&) { return std::string::npos; };
  };

  explicit HttpServer(Behaviour behaviour) : behaviour_(std::move(behaviour)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&address), length) != 0 || ::listen(listener_, 8) != 0 ||
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
      throw std::runtime_error("the test's HTTP server cannot listen");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~HttpServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  std::string url(const std::string& path) const { return fmt::format("http://127.0.0.1:{}{}", port_, path); }
  std::vector<Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (int client = 0; (client = ::accept(listener_, nullptr, nullptr)) >= 0;) {
      answer(client);
      ::close(client);
    }
  }

  static void send_all(int client, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t done = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (done <= 0) {
        return;
      }
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }

  Request read_request(int client) {
    std::string text;
    std::array<char, 4096> buffer{};
    while (text.find("\r\n\r\n") == std::string::npos) {
      const ssize_t have = ::recv(client, buffer.data(), buffer.size(), 0);
      if (have <= 0) {
        break;
      }
      text.append(buffer.data(), static_cast<std::size_t>(have));
    }
    Request request;
    request.path = text.substr(4, text.find(' ', 4) - 4);
    constexpr std::string_view kRange = "Range: bytes=";
    if (const std::size_t at = text.find(kRange); at != std::string::npos) {
      request.from = std::strtoull(text.c_str() + at + kRange.size(), nullptr, 10);
    }
    const std::lock_guard lock(mutex_);
    request.number = static_cast<int>(requests_.size()) + 1;
    requests_.push_back(request);
    return request;
  }

  void answer(int client) {
    const Request request = read_request(client);
    const auto file = behaviour_.files.find(request.path);
    const auto redirect = behaviour_.redirects.find(request.path);
    int status = behaviour_.status(request);
    if (redirect != behaviour_.redirects.end()) {
      send_all(client,
               fmt::format("HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", redirect->second));
      return;
    }
    const bool ranged = behaviour_.ranges && request.from > 0;
    if (status == 0 && file == behaviour_.files.end()) {
      status = 404;
    } else if (status == 0 && ranged && request.from >= file->second.size()) {
      status = 416;
    }
    if (status != 0) {
      send_all(client, fmt::format("HTTP/1.1 {} Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nsorry", status));
      return;
    }
    const std::string body = file->second.substr(ranged ? request.from : 0);
    std::string head = fmt::format("HTTP/1.1 {}\r\nConnection: close\r\n", ranged ? "206 Partial Content" : "200 OK");
    if (behaviour_.lengths) {
      head += fmt::format("Content-Length: {}\r\n", body.size());
    }
    if (ranged) {
      const std::size_t whole = file->second.size();
      head += fmt::format("Content-Range: bytes {}-{}/{}\r\n", request.from, whole - 1, whole);
    }
    send_all(client, head + "\r\n" + body.substr(0, behaviour_.cut(request)));
  }

  Behaviour behaviour_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
};

}  // namespace ntt
