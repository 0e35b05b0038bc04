// A manifest that is valid, and one with what a test adds to it.
#pragma once

#include <string>
#include <string_view>

#include <gtest/gtest.h>

#include "contract/manifest_loader.hpp"

namespace prov::contract {

inline constexpr std::string_view kManifestHead =
    "id: app\nname: App\nversion: 1.10\ndescription: An app\ncategory: web\nauthor: A\n"
    "os_requirements: {family: [debian]}\ntimeout_seconds: 60\nidempotent: true\n";

inline Manifest ManifestWith(std::string_view tail) {
  auto outcome = ParseManifest("manifest.yml", std::string(kManifestHead).append(tail));
  for (const auto& fault : outcome.faults) ADD_FAILURE() << fault.ToString();
  return outcome.manifest.value();
}

}  // namespace prov::contract
