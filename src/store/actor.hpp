// Who is asking. A parameter of every query a person can cause, so that ownership can be enforced
// where the rows are (docs/formats/store.md, "Who sees what").
#pragma once

#include <string>

namespace prov::store {

struct Actor {
  std::string user_id;
  bool admin = false;
  bool operator==(const Actor&) const = default;
};

}  // namespace prov::store
