// SHA-256 over bytes as they come (OpenSSL).
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace prov {

// Movable; not thread-safe.
class Sha256Stream {
 public:
  Sha256Stream();
  void Add(std::string_view bytes);
  // 32 bytes. Nothing may be added after it.
  std::string Finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

// Of all the bytes, 32 bytes.
std::string Sha256(std::string_view bytes);

}  // namespace prov
