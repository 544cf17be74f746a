#include "raw_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <stdexcept>

#include "instainfer/base/result.hpp"

namespace instainfer::http {

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{.tv_sec = 10, .tv_usec = 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw std::runtime_error(errno_error("connect").message);
  }
}

bool RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
    if (sent < 0) throw std::runtime_error(errno_error("send").message);
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

std::string RawClient::receive() {
  std::size_t header_end = std::string::npos;
  while ((header_end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return {};
  }
  std::size_t total = header_end + 4;
  constexpr std::string_view length_field = "Content-Length: ";
  const std::size_t length = buffer_.find(length_field);
  if (length != std::string::npos && length < header_end) {
    std::size_t value = 0;
    std::from_chars(buffer_.data() + length + length_field.size(), buffer_.data() + header_end, value);
    total += value;
  }
  while (buffer_.size() < total) {
    if (!fill()) return {};
  }
  std::string response = buffer_.substr(0, total);
  buffer_.erase(0, total);
  return response;
}

bool RawClient::sees_end() {
  return buffer_.empty() && !fill();
}

bool RawClient::fill() {
  std::array<char, 16384> bytes{};
  const ssize_t got = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
  if (got < 0 && errno == ECONNRESET) return false;
  if (got < 0) throw std::runtime_error(errno_error("recv").message);
  buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  return got > 0;
}

}  // namespace instainfer::http
