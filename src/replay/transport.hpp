#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <memory>
#include <string>

#include "http_client.hpp"
#include "instainfer/base/result.hpp"
#include "instainfer/base/task.hpp"
#include "instainfer/base/time.hpp"

namespace instainfer::replay {

/// The OpenWhisk API that a replay calls.
struct Api {
  Endpoint endpoint;
  std::string key;  ///< "user:password"
};

/// A way to invoke an action and wait for its activation record.
class Transport {
 public:
  virtual ~Transport() = default;
  /// The activation record as JSON text. `parameters` is a JSON object, `file` a file with the same text.
  /// Errors: unavailable, timed_out, or what the API said.
  virtual Task<Result<std::string>> invoke(std::string action, std::string parameters, std::string file,
                                           Duration deadline) = 0;
};

/// Through REST, `blocking=true&result=false`; an answer of 202 (not finished in a minute) is followed up.
std::unique_ptr<Transport> make_rest_transport(boost::asio::any_io_executor executor, Api api);

/// Through a process of the `wsk` command line per call: `wsk action invoke NAME -b -P FILE`.
std::unique_ptr<Transport> make_wsk_transport(boost::asio::any_io_executor executor, Api api, std::string program);

/// Polls `GET activations/<id>` until the record is there.
Task<Result<std::string>> await_record(HttpClient& client, std::string authorization, std::string activation_id,
                                       Duration deadline);

/// The value of the Authorization header for a key.
std::string basic_authorization(const std::string& key);

}  // namespace instainfer::replay
