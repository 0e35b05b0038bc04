// Reads manifest.yml (docs/contract.md): strictly, and with every error at once. Pure: what the
// installer's directory holds comes in as DirectoryFacts. Never throws for any bytes.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "contract/manifest.hpp"

namespace prov::contract {

struct DirectoryFacts {
  std::string name;                          // the directory's own name
  std::set<std::string, std::less<>> files;  // the names of the regular files directly in it
};

inline constexpr std::size_t kMostSourceCharacters = 200;

struct ManifestFault {
  std::string file;
  int line = 1;      // from 1
  int column = 1;    // from 1, in code points
  std::string path;  // "inputs[0].validation.pattern"; "" is the whole manifest
  std::string message;
  // The text of that line, kMostSourceCharacters at most; nothing where the file has no such line.
  std::optional<std::string> source = std::nullopt;

  // "manifest.yml:12:5: inputs[0].name: is missing"
  std::string ToString() const;
  bool operator==(const ManifestFault&) const = default;
};
BOOST_DESCRIBE_STRUCT(ManifestFault, (), (file, line, column, path, message, source))

struct LoadOutcome {
  std::optional<Manifest> manifest;   // set exactly when there are no faults
  std::vector<ManifestFault> faults;  // in the order of the file
};

// `file` only names the text in faults. Without `facts` nothing is said about the directory, and
// the only action is install.
LoadOutcome ParseManifest(const std::string& file, std::string_view text,
                          const DirectoryFacts* facts = nullptr);

// The keys a manifest may have at the top, in an input and in a validation; the published JSON
// Schema is held to them.
std::vector<std::string_view> ManifestKeys();
std::vector<std::string_view> InputKeys();
std::vector<std::string_view> ValidationKeys();

}  // namespace prov::contract
