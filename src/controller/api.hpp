#pragma once

#include <string>

#include "actions.hpp"
#include "activations.hpp"
#include "auth.hpp"
#include "http_types.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/controller/controller.hpp"
#include "invoke.hpp"
#include "router.hpp"

namespace instainfer::controller {

/// The REST API without its sockets: a request in, a response out. Gives every request its transaction id, finds its
/// route, checks its caller, and turns refusals into OpenWhisk's error JSON. One strand; must outlive the calls in it.
class Api {
 public:
  Api(boost::asio::any_io_executor executor, ControllerSettings settings, Controller::Dependencies dependencies);

  Task<Response> handle(Request request);
  void acknowledged(const openwhisk::Acknowledgement& ack) { invoke_.acknowledged(ack); }
  /// Answers the blocking calls that wait now, so that the server can stop.
  void close() { invoke_.close(); }

 private:
  void add_open_routes();
  void add_entity_routes();
  void add_missing_collections();
  Task<Answer> dispatch(Request request, openwhisk::TransactionId transaction);

  ControllerSettings settings_;
  const openwhisk::RuntimesManifest& manifest_;
  Authenticator authenticator_;
  ActionsApi actions_;
  ActivationsApi activations_;
  InvokeApi invoke_;
  Router router_;
};

}  // namespace instainfer::controller
