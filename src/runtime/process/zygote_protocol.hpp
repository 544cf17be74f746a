#pragma once

#include <nlohmann/json.hpp>

#include <optional>
#include <vector>

#include "instainfer/base/result.hpp"
#include "instainfer/base/unique_fd.hpp"

namespace instainfer::runtime {

/// What manager and zygote say to each other over a SEQPACKET socket pair, one JSON object per packet.
///   manager: {"spawn": number, "uid", "directory", "threads"} with descriptors: channel, stdout, stderr and, if the
///   model is in the
///            repository, the open model file
///   zygote:  {"ready": true}, {"spawned": number, "pid"}, {"failed": number, "error"}, {"exited": pid, "status": wait
///   status}
struct Packet {
  nlohmann::json message;
  std::vector<UniqueFd> descriptors;
};

/// The zygote's end of that socket.
inline constexpr int kZygoteDescriptor = 3;

Result<void> send_packet(int socket, const nlohmann::json& message, const std::vector<int>& descriptors = {});

/// Waits for the next packet if the socket blocks; nothing if it does not and there is none. An error when the peer is
/// gone.
Result<std::optional<Packet>> receive_packet(int socket);

}  // namespace instainfer::runtime
