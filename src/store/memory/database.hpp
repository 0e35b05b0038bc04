// The store in memory, for tests: the same semantics, rollback too, and nothing durable. Every
// write works on a copy of all there is, which replaces the original when it succeeds; so it is for
// hundreds of rows, not millions.
#pragma once

#include <memory>

#include "store/database.hpp"

namespace prov::store::memory {

class MemoryDatabase final : public Database {
 public:
  MemoryDatabase();
  ~MemoryDatabase() override;
  void Submit(Access access, Work work, Completion done) override;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace prov::store::memory
