#include "harness/config.h"
#include "harness/config_names.h"
#include "harness/config_spec.h"

namespace harness {
namespace {

Json SchemaOf(const Spec& spec);

Json ObjectSchema(const Spec& spec) {
  Json properties = Json::object();
  Json required = Json::array();
  for (const SpecKey& key : spec.keys) {
    properties[key.name] = SchemaOf(key.spec);
    if (key.required) required.push_back(key.name);
  }
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

Json IntegerSchema(const Spec& spec) {
  return {{"type", "integer"}, {"minimum", spec.min}, {"maximum", spec.max}};
}

Json NameSchema(const Spec& spec) {
  Json schema = {{"type", "string"}};
  // An empty enum is no schema: a catalog may have nothing of that sort.
  if (!spec.names.empty()) schema["enum"] = spec.names;
  if (spec.noun == "lru") {
    // Plug-ins come by name and by file.
    schema["anyOf"] = {{{"enum", schema["enum"]}},
                       {{"pattern", "^kernel-[^/]+$|[.]so$"}}};
    schema.erase("enum");
  }
  return schema;
}

Json TextSchema(const Spec& spec) {
  Json schema = {{"type", "string"}, {"maxLength", spec.max}};
  if (spec.noun == "file name") {
    schema["pattern"] = "^[A-Za-z0-9][A-Za-z0-9._-]*$";
  }
  return schema;
}

Json ImplicitSchema() {
  std::string ops;
  for (const std::string& op : SyncOpNames()) {
    ops += (ops.empty() ? "" : "|") + op;
  }
  return {
      {"type", "string"},
      {"pattern", "^(-|[A-Za-z0-9_]+)/[A-Za-z0-9_]+>(" + ops + ")(:done)?$"}};
}

Json TypeSchema(const Spec& spec) {
  switch (spec.type) {
    case SpecType::kText:
      return TextSchema(spec);
    case SpecType::kInteger:
      return IntegerSchema(spec);
    case SpecType::kFlag:
      return {{"type", "boolean"}};
    case SpecType::kName:
      return NameSchema(spec);
    case SpecType::kPoint:
      return {{"anyOf", Json::array({NameSchema(spec), ImplicitSchema()})}};
    case SpecType::kObject:
      return ObjectSchema(spec);
    case SpecType::kArray:
      return {{"type", "array"},
              {"items", SchemaOf(spec.item[0])},
              {"maxItems", spec.max}};
    case SpecType::kNumberOr:
      return {
          {"anyOf", Json::array({IntegerSchema(spec), ObjectSchema(spec)})}};
  }
  return Json::object();
}

Json SchemaOf(const Spec& spec) {
  Json schema = {{"description", spec.doc}};
  if (!spec.fallback.is_null()) schema["default"] = spec.fallback;
  schema.update(TypeSchema(spec));
  return schema;
}

}  // namespace

nlohmann::ordered_json ConfigSchema() {
  Json schema = {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
                 {"$id", kConfigSchemaId},
                 {"title", "lrutorture config"}};
  schema.update(SchemaOf(ConfigSpec()));
  return schema;
}

}  // namespace harness
