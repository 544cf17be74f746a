#include "actions.hpp"

#include "action_put.hpp"
#include "auth.hpp"
#include "paging.hpp"

namespace instainfer::controller {
namespace {

using openwhisk::Json;
using openwhisk::WithCode;

/// The entity at namespaces/*/actions/[*/]*.
ApiResult<openwhisk::EntityName> named_action(const Call& call) {
  const bool packaged = call.parameters.size() == 3;
  return resolve_entity(call.user, call.parameters[0], packaged ? call.parameters[1] : "", call.parameters.back());
}

EpochMillis now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

}  // namespace

ActionsApi::ActionsApi(const openwhisk::SystemLimits& limits, store::EntityStore& entities,
                       const openwhisk::RuntimesManifest& manifest,
                       std::function<void(const Controller::ActionChange&)> action_changed)
    : limits_(limits), entities_(entities), manifest_(manifest), action_changed_(std::move(action_changed)) {
}

Task<Answer> ActionsApi::list(Call call) {
  const auto ns = resolve_namespace(call.user, call.parameters[0], "");
  if (!ns) co_return refuse(ns.error());
  const auto options = parse_list_options(call.query, "actions", limits_);
  if (!options) co_return refuse(options.error());
  if (options->count) {
    const auto total = co_await entities_.count_actions(*ns, std::nullopt);
    if (!total) co_return refuse(from_error(total.error()));
    co_return count_response("actions", *total, options->page.skip);
  }
  const auto actions = co_await entities_.list_actions(*ns, std::nullopt, options->page);
  if (!actions) co_return refuse(from_error(actions.error()));
  Json body = Json::array();
  for (const openwhisk::Action& action : *actions) body.push_back(openwhisk::to_summary_json(action));
  co_return json_response(200, body);
}

Task<Answer> ActionsApi::list_package(Call call) {
  const auto package = resolve_entity(call.user, call.parameters[0], "", call.parameters[1]);
  if (!package) co_return refuse(package.error());
  // Without packages every package is a missing one; an action of that name is no package (rest contract 2.3).
  const auto action = co_await entities_.get_action(*package);
  if (action) co_return refuse(409, "Resource by this name exists but is not in this collection.");
  co_return refuse(from_error(action.error()));
}

Task<Answer> ActionsApi::get(Call call) {
  const auto name = named_action(call);
  if (!name) co_return refuse(name.error());
  const auto with_code = call.query.boolean("code", true);
  if (!with_code) co_return refuse(with_code.error());
  const auto action = co_await entities_.get_action(*name);
  if (!action) co_return refuse(from_error(action.error()));
  co_return json_response(200, openwhisk::to_json(*action, *with_code ? WithCode::yes : WithCode::no));
}

Task<Answer> ActionsApi::put(Call call) {
  const auto name = named_action(call);
  if (!name) co_return refuse(name.error());
  const auto overwrite = call.query.boolean("overwrite", false);
  if (!overwrite) co_return refuse(overwrite.error());
  const auto body = json_body(call.request);
  if (!body) co_return refuse(body.error());
  auto put = parse_action_put(*body, manifest_, limits_);
  if (!put) co_return refuse(put.error());
  // Packages are not there yet, so there is none to put an action into.
  if (!name->package.empty()) co_return refuse(resource_missing());

  auto existing = co_await entities_.get_action(*name);
  if (!existing && existing.error().code != ErrorCode::not_found) co_return refuse(from_error(existing.error()));
  if (existing && !*overwrite) co_return refuse(409, "resource already exists");
  auto action = existing ? ApiResult<openwhisk::Action>(updated_action(std::move(*existing), std::move(*put), now()))
                         : created_action(*name, std::move(*put), now());
  if (!action) co_return refuse(action.error());
  const auto revision = co_await entities_.put_action(*action);
  if (!revision) co_return refuse(from_error(revision.error()));
  if (action_changed_) action_changed_({*name, false});
  co_return json_response(200, openwhisk::to_json(*action, WithCode::yes));
}

Task<Answer> ActionsApi::remove(Call call) {
  const auto name = named_action(call);
  if (!name) co_return refuse(name.error());
  const auto action = co_await entities_.get_action(*name);
  if (!action) co_return refuse(from_error(action.error()));
  const auto removed = co_await entities_.delete_action(*name, action->revision);
  if (!removed) co_return refuse(from_error(removed.error()));
  if (action_changed_) action_changed_({*name, true});
  co_return json_response(200, openwhisk::to_json(*action, WithCode::yes));
}

}  // namespace instainfer::controller
