#include "contract/json_schema.hpp"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/encoding.hpp"
#include "base/files.hpp"
#include "base/json.hpp"
#include "base/sha256.hpp"
#include "contract/manifest_fixture_test.hpp"
#include "contract/reserved_names.hpp"

namespace prov::contract {
namespace {

boost::json::value Read(const std::string& name) {
  const auto text = ReadFile(Path(PROV_SOURCE_DIR) / name, 1 << 22).value();
  return json::ParseText(text, {1 << 22, 32}).value();
}

boost::json::value PropertySchema(const std::string& input) {
  return InputsSchema(ManifestWith("inputs:\n- {name: a, label: L, " + input + "}\n"))
      .at("properties")
      .at("a");
}

// tests/docs/contract_schemas_test.py runs the vectors against what is stored here.
TEST(InputsSchema, OfEveryVectorsManifest_IsTheStoredOne) {
  boost::json::object schemas;
  const auto vectors = Read("tests/vectors/contract/inputs.json");
  for (const auto& vector : vectors.as_array()) {
    const std::string manifest(vector.at("manifest").as_string());
    const auto outcome = ParseManifest("manifest.yml", manifest);
    ASSERT_TRUE(outcome.manifest) << manifest;
    schemas[HexEncode(Sha256(manifest))] = InputsSchema(*outcome.manifest);
  }
  if (Read("tests/vectors/schemas/inputs.json") == boost::json::value(schemas)) return;
  const std::string made = testing::TempDir() + "/inputs.json";
  std::ofstream(made) << json::Serialize(schemas);
  ADD_FAILURE() << "tests/vectors/schemas/inputs.json is another one than " << made;
}

TEST(InputsSchema, EmptyOptionalText_IsAcceptedWhateverTheRules) {
  EXPECT_EQ(PropertySchema("type: string, validation: {min_length: 3, pattern: '[a-z]+'}"),
            boost::json::parse(R"({"type":"string","title":"L","anyOf":[{"const":""},
                {"minLength":3,"pattern":"^(?:[a-z]+)$"}],"maxLength":4096})"));
  EXPECT_EQ(PropertySchema("type: select, validation: {allowed_values: [x]}").at("anyOf").at(0),
            boost::json::parse(R"({"const":""})"));
  EXPECT_EQ(PropertySchema("type: string, required: true, validation: {min_length: 3}"),
            boost::json::parse(R"({"type":"string","title":"L","minLength":3,"maxLength":4096})"));
}

TEST(InputsSchema, PatternOfRe2Alone_IsToldInTheDescription) {
  const auto schema =
      PropertySchema("type: string, required: true, validation: {pattern: '(?i)abc'}");
  EXPECT_FALSE(schema.as_object().contains("pattern"));
  EXPECT_THAT(std::string(schema.at("description").as_string()), testing::HasSubstr("(?i)abc"));
}

TEST(InputsSchema, ConditionalInput_MustBeAbsentWhereHidden) {
  const auto manifest = ManifestWith(
      "inputs:\n"
      "- {name: tls, type: boolean, label: T, required: true}\n"
      "- {name: cert, type: path, label: C, required: true, visible_if: {tls: true}}\n");
  const auto schema = InputsSchema(manifest);
  EXPECT_EQ(schema.at("required"), boost::json::parse(R"(["tls"])"));
  EXPECT_EQ(schema.at("additionalProperties"), false);
  const auto rule = boost::json::parse(R"([{"if":{"$ref":"#/$defs/visible_cert"},
      "else":{"properties":{"cert":false}},"then":{"required":["cert"]}}])");
  EXPECT_EQ(schema.at("allOf"), rule);
}

std::set<std::string> PropertiesOf(const boost::json::value& schema) {
  std::set<std::string> names;
  for (const auto& member : schema.at("properties").as_object()) names.emplace(member.key());
  return names;
}

std::set<std::string> Names(const std::vector<std::string_view>& keys) {
  return {keys.begin(), keys.end()};
}

TEST(ManifestSchema, PublishedSchema_KnowsTheLoadersKeys) {
  const auto schema = Read("docs/formats/manifest.schema.json");
  EXPECT_EQ(PropertiesOf(schema), Names(ManifestKeys()));
  EXPECT_EQ(PropertiesOf(schema.at("$defs").at("input")), Names(InputKeys()));
  EXPECT_EQ(PropertiesOf(schema.at("$defs").at("validation")), Names(ValidationKeys()));
}

TEST(ManifestSchema, PublishedSchema_HoldsTheTableOfReservedNames) {
  std::string pattern;
  for (const auto name : ReservedNames()) {
    pattern += pattern.empty() ? "^(?:" : "|";
    pattern += name.ends_with('*') ? std::string(name.substr(0, name.size() - 1)) + ".*"
                                   : std::string(name);
  }
  pattern += ")$";
  const auto schema = Read("docs/formats/manifest.schema.json");
  const auto& parts = schema.at("$defs").at("input_name").at("allOf").as_array();
  EXPECT_EQ(parts.at(2).at("not").at("pattern"), boost::json::value(pattern));
}

}  // namespace
}  // namespace prov::contract
