// Actions as JSON: what the REST API shows, and the document that stores keep (contract 3.2).
#include "instainfer/base/encoding.hpp"
#include "instainfer/openwhisk/entities.hpp"
#include "members.hpp"

namespace instainfer::openwhisk {
namespace {

Json exec_json(const Exec& exec, WithCode code) {
  if (exec.kind == "sequence") return {{"kind", exec.kind}, {"components", exec.components}};
  Json json{{"kind", exec.kind}, {"binary", exec.binary}};
  if (exec.main) json["main"] = *exec.main;
  if (exec.image) json["image"] = *exec.image;
  if (exec.code && code == WithCode::yes) json["code"] = *exec.code;
  return json;
}

Result<std::vector<std::string>> components_from_json(const Json& json) {
  std::vector<std::string> components;
  if (!json.is_array())
    return fail(ErrorCode::invalid_argument, "exec: member 'components' must be an array of strings");
  for (const Json& component : json) {
    if (!component.is_string()) {
      return fail(ErrorCode::invalid_argument, "exec: member 'components' must be an array of strings");
    }
    components.push_back(component.get<std::string>());
  }
  return components;
}

Result<Exec> exec_from_document(const Json& json) {
  const auto members = Members::of(json, "exec");
  if (!members) return fail(members.error());
  auto kind = members->string("kind");
  if (!kind) return fail(std::move(kind.error()));
  Exec exec;
  exec.kind = trimmed_lower(*std::move(kind));
  if (exec.kind == "sequence") {
    const auto list = members->require("components");
    if (!list) return fail(list.error());
    auto components = components_from_json(**list);
    if (!components) return fail(std::move(components.error()));
    exec.components = *std::move(components);
    return exec;
  }
  if (const Json* code = members->find("code"); code != nullptr && code->is_object()) {
    return members->wrong("code", "is an attachment; only code inside the document can be read");
  }
  auto code = members->optional_string("code");
  if (!code) return fail(std::move(code.error()));
  auto main = members->optional_string("main");
  if (!main) return fail(std::move(main.error()));
  auto image = members->optional_string("image");
  if (!image) return fail(std::move(image.error()));
  const auto binary = members->boolean("binary", false);
  if (!binary) return fail(binary.error());
  exec.code = *std::move(code);
  exec.main = *std::move(main);
  exec.image = *std::move(image);
  exec.binary = exec.code ? looks_like_base64(*exec.code) : *binary;  // computed, never believed (contract 3.3)
  return exec;
}

/// `ns` or `ns/pkg` and the name, checked.
Result<EntityName> name_from_document(const Members& members) {
  const auto path = members.string("namespace");
  if (!path) return fail(path.error());
  auto name = members.string("name");
  if (!name) return fail(std::move(name.error()));
  const auto slash = path->find('/');
  EntityName entity{path->substr(0, slash), slash == std::string::npos ? "" : path->substr(slash + 1),
                    *std::move(name)};
  if (!is_valid_entity_name(entity.ns)) return members.wrong("namespace", "holds no valid namespace name");
  if (slash != std::string::npos && !is_valid_entity_name(entity.package)) {
    return members.wrong("namespace", "holds no valid package name");
  }
  if (!is_valid_entity_name(entity.name)) return members.wrong("name", "is no valid entity name");
  return entity;
}

Result<ActionLimits> limits_from_document(const Members& members) {
  const auto json = members.require("limits");
  if (!json) return fail(json.error());
  const auto limits = Members::of(**json, "limits");
  if (!limits) return fail(limits.error());
  for (const char* name : {"timeout", "memory"}) {
    if (limits->find(name) == nullptr) return limits->wrong(name, "is missing; it must be a whole number");
  }
  return action_limits_from_json(**json);
}

Result<KeyValues> key_values_member(const Members& members, std::string_view name) {
  const auto json = members.require(name);
  if (!json) return fail(json.error());
  return key_values_from_json(**json, name);
}

}  // namespace

Json to_json(const Action& action, WithCode code) {
  return {{"namespace", action.name.path()},
          {"name", action.name.name},
          {"exec", exec_json(action.exec, code)},
          {"parameters", to_json(action.parameters)},
          {"limits", to_json(action.limits)},
          {"version", to_string(action.version)},
          {"publish", action.publish},
          {"annotations", to_json(action.annotations)},
          {"updated", action.updated.time_since_epoch().count()}};
}

Json to_summary_json(const Action& action) {
  return {{"namespace", action.name.path()},
          {"name", action.name.name},
          {"exec", {{"binary", action.exec.binary}}},
          {"limits", to_json(action.limits)},
          {"version", to_string(action.version)},
          {"publish", action.publish},
          {"annotations", to_json(action.annotations)},
          {"updated", action.updated.time_since_epoch().count()}};
}

Json to_document(const Action& action) {
  Json document = to_json(action, WithCode::yes);
  document["_id"] = action.name.qualified();
  if (!action.revision.empty()) document["_rev"] = action.revision;
  document["entityType"] = "action";
  return document;
}

Result<Action> action_from_document(const Json& document) {
  const auto members = Members::of(document, "action document");
  if (!members) return fail(members.error());
  auto name = name_from_document(*members);
  if (!name) return fail(std::move(name.error()));
  const auto exec_member = members->require("exec");
  if (!exec_member) return fail(exec_member.error());
  auto exec = exec_from_document(**exec_member);
  if (!exec) return fail(exec.error().in("action document"));
  auto parameters = key_values_member(*members, "parameters");
  if (!parameters) return fail(std::move(parameters.error()));
  auto annotations = key_values_member(*members, "annotations");
  if (!annotations) return fail(std::move(annotations.error()));
  const auto limits = limits_from_document(*members);
  if (!limits) return fail(limits.error().in("action document"));
  const auto version_text = members->string("version");
  if (!version_text) return fail(version_text.error());
  const auto version = parse_semver(*version_text);
  if (!version) return fail(version.error().in("action document: member 'version'"));
  const auto publish = members->boolean("publish");
  if (!publish) return fail(publish.error());
  const auto updated = members->integer("updated");
  if (!updated) return fail(updated.error());
  auto revision = members->optional_string("_rev");
  if (!revision) return fail(std::move(revision.error()));
  return Action{*std::move(name),
                *std::move(exec),
                *std::move(parameters),
                *std::move(annotations),
                *limits,
                *version,
                *publish,
                EpochMillis(std::chrono::milliseconds(*updated)),
                revision->value_or("")};
}

}  // namespace instainfer::openwhisk
