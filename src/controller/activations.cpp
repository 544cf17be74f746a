#include "activations.hpp"

#include <algorithm>
#include <charconv>

#include "auth.hpp"
#include "paging.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;

ApiResult<std::optional<EpochMillis>> parse_time(const Query& query, std::string_view name) {
  const std::string* text = query.find(name);
  if (text == nullptr) return std::nullopt;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc{} || end != text->data() + text->size()) {
    return refuse(malformed_query(name, "Parameter is not a valid value for epoch seconds: " + *text));
  }
  return EpochMillis(std::chrono::milliseconds(value));
}

ApiResult<std::optional<std::string>> parse_name(const Query& query) {
  const std::string* text = query.find("name");
  if (text == nullptr || text->empty()) return std::nullopt;
  const std::size_t slash = text->find('/');
  const bool valid = slash == std::string::npos
                         ? openwhisk::is_valid_entity_name(*text)
                         : openwhisk::is_valid_entity_name(std::string_view(*text).substr(0, slash)) &&
                               openwhisk::is_valid_entity_name(std::string_view(*text).substr(slash + 1));
  if (valid) return *text;
  return refuse(malformed_query("name", "Parameter may be a 'simple' name or 'package-name/simple' name: " + *text));
}

struct ActivationListOptions {
  store::ActivationQuery query;
  bool count = false;
  bool docs = false;
};

ApiResult<ActivationListOptions> parse_query(const Query& query, const openwhisk::SystemLimits& limits) {
  ActivationListOptions options;
  const auto list = parse_list_options(query, "activations", limits);
  if (!list) return refuse(list.error());
  options.query.page = list->page;
  options.count = list->count;
  const auto docs = query.boolean("docs", false);
  if (!docs) return refuse(docs.error());
  options.docs = *docs;
  if (options.docs && options.count) return refuse(400, "The parameter 'docs' is not permitted with 'count'.");
  auto name = parse_name(query);
  if (!name) return refuse(name.error());
  options.query.name = std::move(*name);
  const auto since = parse_time(query, "since");
  if (!since) return refuse(since.error());
  options.query.since = *since;
  const auto upto = parse_time(query, "upto");
  if (!upto) return refuse(upto.error());
  options.query.upto = *upto;
  return options;
}

}  // namespace

ActivationsApi::ActivationsApi(const openwhisk::SystemLimits& limits, store::ActivationStore& activations)
    : limits_(limits), activations_(activations) {
}

Task<Answer> ActivationsApi::list(Call call) {
  const auto ns = resolve_namespace(call.user, call.parameters[0], "");
  if (!ns) co_return refuse(ns.error());
  auto options = parse_query(call.query, limits_);
  if (!options) co_return refuse(options.error());
  options->query.ns = *ns;
  if (options->count) {
    const auto total = co_await activations_.count(options->query);
    if (!total) co_return refuse(from_error(total.error()));
    co_return count_response("activations", *total, options->query.page.skip);
  }
  const auto activations = co_await activations_.list(options->query);
  if (!activations) co_return refuse(from_error(activations.error()));
  Json body = Json::array();
  for (const openwhisk::Activation& activation : *activations) {
    body.push_back(options->docs ? openwhisk::to_json(activation) : openwhisk::to_summary_json(activation));
  }
  co_return json_response(200, body);
}

Task<Answer> ActivationsApi::get(Call call) {
  const auto activation = co_await find(std::move(call));
  if (!activation) co_return refuse(activation.error());
  co_return json_response(200, openwhisk::to_json(*activation));
}

Task<Answer> ActivationsApi::logs(Call call) {
  const auto activation = co_await find(std::move(call));
  if (!activation) co_return refuse(activation.error());
  co_return json_response(200, Json{{"logs", activation->logs}});
}

Task<Answer> ActivationsApi::result(Call call) {
  const auto activation = co_await find(std::move(call));
  if (!activation) co_return refuse(activation.error());
  co_return json_response(200, openwhisk::to_json(activation->response));
}

Task<ApiResult<openwhisk::Activation>> ActivationsApi::find(Call call) {
  const auto ns = resolve_namespace(call.user, call.parameters[0], call.parameters[1]);
  if (!ns) co_return refuse(ns.error());
  const auto id = openwhisk::parse_activation_id(call.parameters[1]);
  if (!id) co_return refuse(400, id.error().message);
  auto activation = co_await activations_.get(*ns, *id);
  if (!activation) co_return refuse(from_error(activation.error()));
  co_return std::move(*activation);
}

}  // namespace instainfer::controller
