// The databases that something is copied between, each with a transaction begun.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "store/sql/connection.hpp"
#include "store/url.hpp"

namespace prov::store::transfer {

enum class Sharing {
  kWithPanels,  // what is read is one state, whatever they write meanwhile
  kAlone,       // kConflict while anybody uses it; nobody can until the connection ends
};

// One state of a database there is, to be read, and not to be changed: kUnsupported for that of
// another program's schema.
Result<std::unique_ptr<sql::Connection>> OpenSource(const Url& url, Sharing sharing);

// An empty database, alone, to be written; SQLite's file is made (0600) where it is missing.
// kConflict where it is not empty, or used, kUnsupported where it has another program's schema.
Result<std::unique_ptr<sql::Connection>> OpenTarget(const Url& url);

}  // namespace prov::store::transfer
