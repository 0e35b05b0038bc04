// The tables that both databases have, as what is copied between them. A test holds this list to
// the schemas.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace prov::store::transfer {

enum class Type { kInteger, kText, kBytes };

struct Column {
  std::string name;
  Type type = Type::kText;
};

struct Table {
  std::string name;
  std::size_t key = 1;  // its first columns, which order its rows: bytewise, or by number
  std::vector<Column> columns;

  std::string ColumnNames() const;  // "id, app_id, …"
  std::string KeyNames() const;
  // "id:bytes app_id:text …", as ParseColumns() reads it.
  std::string Describe() const;
};

// Those that rows of others refer to come first.
std::span<const Table> Tables();

// kCorrupt for what Describe() did not write.
Result<std::vector<Column>> ParseColumns(std::string_view text);

}  // namespace prov::store::transfer
