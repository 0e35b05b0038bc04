#include "agent/executor/records.hpp"

#include "base/json.hpp"

namespace prov::agent {

Result<Entry> ParseEntry(const boost::json::value& payload) {
  Entry entry;
  json::Reader reader;
  reader.Read(payload, entry, "");
  if (!reader.faults().empty())
    return json::FaultsError(reader.faults()).While("reading a journal record");
  return entry;
}

}  // namespace prov::agent
