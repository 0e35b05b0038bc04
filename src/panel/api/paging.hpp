// Lists in pages: `limit`, `cursor`, and the filters beside them (API.md, "Lists").
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_message.hpp"
#include "net/problem.hpp"
#include "panel/dispatch/key_ring.hpp"

namespace prov::panel {

struct Page {
  std::size_t limit = 50;  // 1..200
  std::string after;       // the last item of the page before; "" for the first
};

// A cursor is bound to the list it continues (`filter`), and MACed: nobody makes one up.
Page ReadPage(const net::Request& request, const KeyRing& keys, std::string_view filter,
              std::vector<net::FieldError>& faults);
std::string MakeCursor(const KeyRing& keys, std::string_view filter, std::string_view last);

// Names that this route does not know are faults, with those it does; so is one that is given
// twice, but for `repeatable`.
void CheckParameters(const net::Request& request, const std::set<std::string_view>& known,
                     std::vector<net::FieldError>& faults, std::string_view repeatable = "");
// A time as docs/api/openapi.yaml spells it; a fault for anything else.
std::optional<WallTime> TimeParameter(const net::Request& request, const char* name,
                                      std::vector<net::FieldError>& faults);
// Everything but the cursor, as the cursor is bound to it.
std::string FilterOf(const net::Request& request);

}  // namespace prov::panel
