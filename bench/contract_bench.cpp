// F14: what a request with a form costs, and what reading the catalogue costs for each installer.
#include <benchmark/benchmark.h>

#include "base/files.hpp"
#include "base/json.hpp"
#include "contract/input_validation.hpp"
#include "contract/manifest_loader.hpp"

namespace {

using prov::contract::ParseManifest;

std::string Read(const std::string& path) {
  return prov::ReadFile(prov::Path(PROV_SOURCE_DIR) / path, 1 << 20).value();
}

constexpr const char* kForm = R"({
  "server_name": "www.example.test", "contact": "ops@example.test", "listen_address": "192.0.2.17",
  "http_port": 8080, "https_port": "8443", "homepage": "https://www.example.test/start?lang=en",
  "document_root": "/srv/www/example.test", "workers": 8, "ratio": 0.75, "compression": true, "level": 6,
  "mode": "safe", "features": ["cache", "gzip", "status"], "database": "shop", "database_user": "shop_rw",
  "database_password": "correct horse battery", "api_token": "0123456789abcdef0123456789ABCDEF",
  "banner": "Welcome.\nThis machine is watched.", "zone": "eu-2", "log_level": "warning"})";

void F14_Form(benchmark::State& state) {
  const auto loaded = ParseManifest("form_20.yml", Read("bench/form_20.yml"));
  const auto given = prov::json::ParseText(kForm, {1 << 16, 8}).value().as_object();
  if (!loaded.manifest || !ValidateInputs(*loaded.manifest, given).ok() || given.size() != 20)
    return state.SkipWithError("the form is not valid");
  for (auto _ : state) benchmark::DoNotOptimize(ValidateInputs(*loaded.manifest, given));
}
BENCHMARK(F14_Form)->Unit(benchmark::kMicrosecond);

void Load(benchmark::State& state, const std::string& path) {
  const auto text = Read(path);
  if (!ParseManifest(path, text).manifest) return state.SkipWithError("the manifest is not valid");
  for (auto _ : state) benchmark::DoNotOptimize(ParseManifest(path, text));
}
BENCHMARK_CAPTURE(Load, F14_ManifestOfTheForm, "bench/form_20.yml")->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(Load, F14_ManifestOfNginx, "installers/nginx/manifest.yml")
    ->Unit(benchmark::kMicrosecond);

}  // namespace
