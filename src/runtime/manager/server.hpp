#pragma once

#include <boost/asio/local/stream_protocol.hpp>

#include <string>

#include "manager/background.hpp"
#include "manager/manager.hpp"

namespace instainfer::runtime {

/// The manager's HTTP interface on a UNIX socket: only for root and our own user, only with the token.
class Server {
 public:
  Server(Manager& manager, Background& background, boost::asio::local::stream_protocol::acceptor acceptor,
         std::string token);

  /// Accepts connections for as long as the process lives.
  Task<void> run();

 private:
  Task<void> serve(boost::asio::local::stream_protocol::socket socket);

  Manager& manager_;
  Background& background_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::string token_;
};

}  // namespace instainfer::runtime
