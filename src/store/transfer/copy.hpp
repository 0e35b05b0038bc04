// Rows from one database to another, whichever each is, and proof that they are the same.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "store/sql/connection.hpp"
#include "store/transfer/tables.hpp"

namespace prov::store::transfer {

// Of a table's rows in the order of its key. The same for the same rows, in whatever database.
struct Digest {
  std::string table;
  std::uint64_t rows = 0;
  std::string sha256;  // 32 bytes
  bool operator==(const Digest&) const = default;
};

// Called now and then, with how many rows of a table were copied so far.
using Progress = std::function<void(const std::string& table, std::uint64_t rows)>;

// In a transaction of `connection`.
Result<Digest> DigestOf(sql::Connection& connection, const Table& table);

// kConflict, with a sentence, where any table has a row.
Status CheckEmpty(sql::Connection& connection);

// Copies every table in the transactions of both, then reads what `to` has and compares: kCorrupt
// where it is not what `from` gave. The digests of what was copied. Nothing is committed.
Result<std::vector<Digest>> CopyAll(sql::Connection& from, sql::Connection& to,
                                    const Progress& progress);

}  // namespace prov::store::transfer
