// The agent's own copies of installers, by digest. What a job was made for stays here whatever
// becomes of the whitelist's directory, and each attempt gets a copy of its own from here: one that
// an earlier attempt left just as it was, or else a new one.
//
//   <directory>/<64 hex digits>/original/   copied while it was hashed; nothing runs in it
//   <directory>/<64 hex digits>/<number>/   a spare: an attempt's copy that came back
//
// Nothing is made durable: what is here is hashed again before it is used, by a process once for an
// original, each time for a spare. Not thread-safe.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/files.hpp"
#include "base/result.hpp"
#include "signing/tree_digest.hpp"

namespace prov::agent {

class InstallerStore {
 public:
  explicit InstallerStore(Path directory);

  // The digest that the installer in `source` has now. Where that is `wanted`, the store holds it
  // afterwards. Errors as of signing::DigestTree.
  Result<std::string> Take(const Path& source, const std::string& wanted,
                           const signing::TreeLimits& limits);
  // Whether its original is here, and is what its name says.
  bool Holds(const std::string& digest);
  Path Original(const std::string& digest) const;

  // A copy at `destination`, which must not exist. kCorrupt where the original is not what its
  // digest says; then it is gone from here.
  Status HandOut(const std::string& digest, const Path& destination);
  // One that was handed out and that no process uses any more. It is removed where it cannot be
  // kept; whether it was changed is looked at when it is handed out again.
  void TakeBack(const std::string& digest, const Path& copy);

  // Removes all but these, and the one that was last taken from each source.
  void KeepOnly(const std::set<std::string>& digests);

 private:
  Path Home(const std::string& digest) const;
  void Drop(const std::string& digest);
  bool HandOutSpare(const std::string& digest, const Path& destination);

  Path directory_;
  std::set<std::string> verified_;                   // originals, by this process
  std::map<std::string, std::vector<Path>> spares_;  // by digest
  std::map<Path, std::string> last_taken_;           // by source
  std::uint64_t next_spare_ = 1;
};

}  // namespace prov::agent
