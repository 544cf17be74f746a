#include "api.hpp"

#include <spdlog/spdlog.h>

#include "info.hpp"
#include "instainfer/base/encoding.hpp"
#include "paging.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;

constexpr std::string_view kNamespace = "/api/v1/namespaces/*";
constexpr std::size_t kMaxRequestIdLength = 256;

/// The client's own id unless it has the form of a system's, else a fresh one (rest contract 2.21).
openwhisk::TransactionId make_transaction(const Request& request) {
  openwhisk::TransactionId transaction;
  transaction.start = std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
  const std::string* given = request.find_header("X-Request-ID");
  const bool usable =
      given != nullptr && !given->empty() && given->size() <= kMaxRequestIdLength && !given->starts_with("sid_");
  transaction.id = usable ? *given : random_hex(16);
  return transaction;
}

Response error_response(const ApiError& error, const std::string& transaction_id) {
  if (!error.cause.empty()) {
    spdlog::warn("request failed transid={} status={} cause={}", transaction_id, error.status, error.cause);
  }
  Response response = json_response(error.status, Json{{"error", error.text}, {"code", transaction_id}});
  if (error.status == 401) response.headers.push_back({"WWW-Authenticate", "Basic realm=\"OpenWhisk secure realm\""});
  return response;
}

void add_cors(Response& response) {
  response.headers.push_back({"Access-Control-Allow-Origin", "*"});
  response.headers.push_back(
      {"Access-Control-Allow-Headers", "Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent"});
  response.headers.push_back({"Access-Control-Allow-Methods", "GET, DELETE, POST, PUT, HEAD"});
}

Task<Answer> ready(Answer answer) {
  co_return answer;
}

/// GET of a collection that has no members yet.
Task<Answer> list_nothing(Call call, std::string collection, openwhisk::SystemLimits limits) {
  const auto options = parse_list_options(call.query, collection, limits);
  if (!options) co_return refuse(options.error());
  const auto ns = resolve_namespace(call.user, call.parameters[0], "");
  // Whoever asks sees the published packages of any namespace: there are none (rest contract 2.2).
  if (!ns && collection != "packages") co_return refuse(ns.error());
  co_return options->count ? count_response(collection, 0, 0) : json_response(200, Json::array());
}

}  // namespace

Api::Api(boost::asio::any_io_executor executor, ControllerSettings settings, Controller::Dependencies dependencies)
    : settings_(std::move(settings)),
      manifest_(dependencies.manifest),
      authenticator_(settings_.users),
      actions_(settings_.limits, dependencies.entities, dependencies.manifest, std::move(dependencies.action_changed)),
      activations_(settings_.limits, dependencies.activations),
      invoke_(std::move(executor), settings_.limits, dependencies.entities, dependencies.activations,
              dependencies.bus) {
  add_open_routes();
  add_entity_routes();
  add_missing_collections();
}

Task<Response> Api::handle(Request request) {
  const openwhisk::TransactionId transaction = make_transaction(request);
  const bool is_api = request.target.starts_with("/api/v1");
  const bool is_preflight = is_api && request.method == "OPTIONS";
  Response response;
  if (!is_preflight) {
    const Answer answer = co_await dispatch(std::move(request), transaction);
    response = answer ? *answer : error_response(answer.error(), transaction.id);
  }
  if (is_api) add_cors(response);
  response.headers.push_back({"X-Request-ID", transaction.id});
  co_return response;
}

Task<Answer> Api::dispatch(Request request, openwhisk::TransactionId transaction) {
  const std::string_view target = request.target;
  const std::size_t question = target.find('?');
  Router::Match match = router_.find(request.method, target.substr(0, question));
  if (match.route == nullptr) {
    if (match.allowed.empty()) co_return refuse(404, "The requested resource could not be found.");
    co_return refuse(405, "HTTP method not allowed, supported methods: " + match.allowed);
  }
  Call call;
  if (question != std::string_view::npos) call.query = Query(target.substr(question + 1));
  call.parameters = std::move(match.parameters);
  call.transaction = std::move(transaction);
  if (match.route->access == Access::user) {
    auto user = authenticator_.identify(request);
    if (!user) co_return refuse(user.error());
    call.user = std::move(*user);
  }
  call.request = std::move(request);
  co_return co_await match.route->handler(std::move(call));
}

void Api::add_open_routes() {
  const auto add = [this](std::string_view path, std::function<Response()> answer) {
    router_.add("GET", path, Access::open, [answer = std::move(answer)](const Call&) { return ready(answer()); });
  };
  add("/", [this] { return json_response(200, deployment_info(settings_.limits, manifest_)); });
  add("/ping", [] { return text_response(200, "pong"); });
  add("/api/v1", [this] { return json_response(200, api_info(settings_)); });
  add("/api/v1/", [this] { return json_response(200, api_info(settings_)); });
  add("/invokers", [this] {
    return json_response(200, Json{{"invoker0/0", invoke_.invoker_available() ? "up" : "down"}});
  });
  add("/invokers/healthy/count", [this] { return json_response(200, invoke_.invoker_available() ? 1 : 0); });
  add("/invokers/ready", [this] {
    return invoke_.invoker_available() ? json_response(200, Json{{"healthy", "1/1"}})
                                       : json_response(500, Json{{"unhealthy", "0/1"}});
  });
  add("/activation", [this] {
    Json body = Json::array();
    for (const auto& [id, action] : invoke_.in_flight().list(InFlight::TimePoint::clock::now())) {
      body.push_back(Json::array({id, action}));
    }
    return json_response(200, body);
  });
  add("/activation/count",
      [this] { return json_response(200, invoke_.in_flight().list(InFlight::TimePoint::clock::now()).size()); });
}

void Api::add_entity_routes() {
  const auto add = [this](std::string_view method, std::string_view path, Handler handler) {
    router_.add(method, std::string(kNamespace) + std::string(path), Access::user, std::move(handler));
  };
  const Handler namespaces = [](const Call& call) { return ready(json_response(200, Json::array({call.user.ns}))); };
  router_.add("GET", "/api/v1/namespaces", Access::user, namespaces);
  router_.add("GET", "/api/v1/namespaces/", Access::user, namespaces);
  add("GET", "/limits", [this](const Call& call) {
    const auto ns = resolve_namespace(call.user, call.parameters[0], "limits");
    return ready(ns ? Answer(json_response(200, namespace_limits(settings_.limits, call.user))) : refuse(ns.error()));
  });
  for (const char* path : {"/actions", "/actions/"}) {
    add("GET", path, [this](Call call) { return actions_.list(std::move(call)); });
  }
  add("GET", "/actions/*/", [this](Call call) { return actions_.list_package(std::move(call)); });
  for (const char* path : {"/actions/*", "/actions/*/*"}) {
    add("GET", path, [this](Call call) { return actions_.get(std::move(call)); });
    add("PUT", path, [this](Call call) { return actions_.put(std::move(call)); });
    add("DELETE", path, [this](Call call) { return actions_.remove(std::move(call)); });
    add("POST", path, [this](Call call) { return invoke_.invoke(std::move(call)); });
  }
  for (const char* path : {"/activations", "/activations/"}) {
    add("GET", path, [this](Call call) { return activations_.list(std::move(call)); });
  }
  add("GET", "/activations/*", [this](Call call) { return activations_.get(std::move(call)); });
  add("GET", "/activations/*/logs", [this](Call call) { return activations_.logs(std::move(call)); });
  add("GET", "/activations/*/result", [this](Call call) { return activations_.result(std::move(call)); });
}

/// Packages, triggers and rules: their lists are empty, everything else says that they are not there.
void Api::add_missing_collections() {
  for (const std::string collection : {"packages", "triggers", "rules"}) {
    const std::string path = std::string(kNamespace) + "/" + collection;
    for (const std::string& list : {path, path + "/"}) {
      router_.add("GET", list, Access::user, [this, collection](Call call) {
        return list_nothing(std::move(call), collection, settings_.limits);
      });
    }
    router_.add("GET", path + "/*", Access::user, [](const Call&) { return ready(refuse(resource_missing())); });
    router_.add("DELETE", path + "/*", Access::user, [](const Call&) { return ready(refuse(resource_missing())); });
    for (const char* method : {"PUT", "POST"}) {
      router_.add(method, path + "/*", Access::user,
                  [collection](const Call&) { return ready(refuse(501, "This server has no " + collection + ".")); });
    }
  }
}

}  // namespace instainfer::controller
