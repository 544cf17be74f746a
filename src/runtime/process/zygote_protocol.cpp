#include "process/zygote_protocol.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace instainfer::runtime {

namespace {

constexpr std::size_t kPacketLimit = 16 * 1024;
constexpr std::size_t kDescriptorLimit = 8;

struct ControlBuffer {
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kDescriptorLimit)> bytes{};
};

}  // namespace

Result<void> send_packet(int socket, const nlohmann::json& message, const std::vector<int>& descriptors) {
  std::string text = message.dump();
  if (text.size() > kPacketLimit || descriptors.size() > kDescriptorLimit) {
    return fail(ErrorCode::too_large, "a packet for the zygote is too large");
  }
  iovec part{text.data(), text.size()};
  ControlBuffer control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!descriptors.empty()) {
    header.msg_control = control.bytes.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * descriptors.size());
    cmsghdr* first = CMSG_FIRSTHDR(&header);
    first->cmsg_level = SOL_SOCKET;
    first->cmsg_type = SCM_RIGHTS;
    first->cmsg_len = CMSG_LEN(sizeof(int) * descriptors.size());
    std::memcpy(CMSG_DATA(first), descriptors.data(), sizeof(int) * descriptors.size());
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &header, MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return fail(errno_error("send to the other end of the zygote's socket"));
  return {};
}

Result<std::optional<Packet>> receive_packet(int socket) {
  std::string text(kPacketLimit, '\0');
  iovec part{text.data(), text.size()};
  ControlBuffer control;
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes.data();
  header.msg_controllen = control.bytes.size();
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0 && errno == EAGAIN) return std::optional<Packet>();
  if (size < 0) return fail(errno_error("receive from the zygote's socket"));
  Packet packet;
  for (cmsghdr* item = CMSG_FIRSTHDR(&header); item != nullptr; item = CMSG_NXTHDR(&header, item)) {
    if (item->cmsg_level != SOL_SOCKET || item->cmsg_type != SCM_RIGHTS) continue;
    std::vector<int> numbers((item->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    std::memcpy(numbers.data(), CMSG_DATA(item), numbers.size() * sizeof(int));
    for (const int number : numbers) packet.descriptors.emplace_back(number);
  }
  if (size == 0) return fail(ErrorCode::unavailable, "the other end of the zygote's socket is closed");
  text.resize(static_cast<std::size_t>(size));
  packet.message = nlohmann::json::parse(text, nullptr, false);
  if (!packet.message.is_object()) return fail(ErrorCode::invalid_argument, "a zygote packet is not a JSON object");
  return std::optional(std::move(packet));
}

}  // namespace instainfer::runtime
