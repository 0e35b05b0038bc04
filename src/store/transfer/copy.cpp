#include "store/transfer/copy.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include <fmt/format.h>

#include "base/sha256.hpp"

namespace prov::store::transfer {
namespace {

using Rows = std::vector<sql::Values>;

// In memory at once; a row may be as large as the inputs of a job, 1 MiB.
constexpr std::size_t kPage = 128;

sql::Value Read(const sql::Row& row, int column, Type type) {
  if (row.IsNull(column)) return {};
  switch (type) {
    case Type::kInteger:
      return row.Int(column);
    case Type::kText:
      return row.Text(column);
    case Type::kBytes:
      return sql::Blob{row.Text(column)};
  }
  return {};
}

// The rows after one with this key, or the first ones.
Result<Rows> ReadPage(sql::Connection& connection, const Table& table, const sql::Values& after) {
  std::string where;
  for (std::size_t i = 1; i <= after.size(); ++i)
    where += fmt::format("{}?{}", i == 1 ? "" : ", ", i);
  if (!where.empty()) where = fmt::format("WHERE ({}) > ({}) ", table.KeyNames(), where);
  Rows rows;
  PROV_CHECK(
      connection.Query(fmt::format("SELECT {} FROM {} {}ORDER BY {} LIMIT {}", table.ColumnNames(),
                                   table.name, where, table.KeyNames(), kPage),
                       after, [&](const sql::Row& row) {
                         auto& values = rows.emplace_back();
                         for (std::size_t i = 0; i < table.columns.size(); ++i)
                           values.push_back(Read(row, static_cast<int>(i), table.columns[i].type));
                       }));
  return rows;
}

// Page by page, so that a table may be larger than the memory.
Status EachPage(sql::Connection& connection, const Table& table,
                const std::function<Status(Rows&)>& each) {
  sql::Values after;
  while (true) {
    PROV_TRY(auto rows, ReadPage(connection, table, after));
    if (rows.empty()) return {};
    const auto& last = rows.back();
    after.assign(last.begin(), last.begin() + static_cast<std::ptrdiff_t>(table.key));
    const bool more = rows.size() == kPage;
    PROV_CHECK(each(rows));
    if (!more) return {};
  }
}

// Each value with its type and its length, so that no two rows read the same.
class Digester {
 public:
  void Add(const sql::Values& row) {
    ++rows_;
    for (const auto& value : row) Add(value);
  }
  Digest Finish(const std::string& table) { return {table, rows_, hash_.Finish()}; }

 private:
  void Add(const sql::Value& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      Number('i', static_cast<std::uint64_t>(*number));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      Number('t', text->size());
      hash_.Add(*text);
    } else if (const auto* blob = std::get_if<sql::Blob>(&value)) {
      Number('b', blob->bytes.size());
      hash_.Add(blob->bytes);
    } else {
      hash_.Add("n");
    }
  }
  void Number(char type, std::uint64_t number) {
    std::array<char, 9> bytes{type};
    for (std::size_t i = 0; i < 8; ++i) bytes[i + 1] = static_cast<char>(number >> (8 * (7 - i)));
    hash_.Add({bytes.data(), bytes.size()});
  }

  std::uint64_t rows_ = 0;
  Sha256Stream hash_;
};

std::string InsertOf(const Table& table, std::size_t rows) {
  std::string sql = fmt::format("INSERT INTO {} ({}) VALUES ", table.name, table.ColumnNames());
  std::size_t parameter = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      sql += fmt::format("{}?{}", i > 0 ? ", " : row > 0 ? "), (" : "(", ++parameter);
  }
  return sql + ")";
}

Status Insert(sql::Connection& to, const Table& table, Rows& rows) {
  sql::Values values;
  for (auto& row : rows) std::ranges::move(row, std::back_inserter(values));
  // The one row of it is there from the beginning.
  if (table.name == "audit_head") {
    PROV_CHECK(to.Run("UPDATE audit_head SET sequence = ?1, hash = ?2", values));
    return {};
  }
  PROV_CHECK(to.Run(InsertOf(table, rows.size()), values));
  return {};
}

Result<Digest> Copy(sql::Connection& from, sql::Connection& to, const Table& table,
                    const Progress& progress) {
  Digester digester;
  std::uint64_t copied = 0;
  PROV_CHECK(EachPage(from, table, [&](Rows& rows) -> Status {
    for (const auto& row : rows) digester.Add(row);
    copied += rows.size();
    PROV_CHECK(Insert(to, table, rows));
    if (progress) progress(table.name, copied);
    return {};
  }));
  return digester.Finish(table.name);
}

}  // namespace

Result<Digest> DigestOf(sql::Connection& connection, const Table& table) {
  Digester digester;
  PROV_CHECK(EachPage(connection, table, [&](Rows& rows) -> Status {
    for (const auto& row : rows) digester.Add(row);
    return {};
  }));
  return digester.Finish(table.name);
}

Status CheckEmpty(sql::Connection& connection) {
  for (const auto& table : Tables()) {
    PROV_TRY(const auto rows, ReadPage(connection, table, {}));
    const bool empty = table.name == "audit_head"
                           ? rows.size() == 1 && rows[0][0] == sql::Value{std::int64_t{0}}
                           : rows.empty();
    if (empty) continue;
    return Error{
        ErrorCode::kConflict,
        fmt::format("the target holds data already ({}): give one that is new, or move what "
                    "is there away.",
                    table.name)};
  }
  return {};
}

Result<std::vector<Digest>> CopyAll(sql::Connection& from, sql::Connection& to,
                                    const Progress& progress) {
  std::vector<Digest> copied;
  for (const auto& table : Tables()) {
    auto digest = Copy(from, to, table, progress);
    if (!digest) return std::move(digest).error().While("copying the table " + table.name);
    copied.push_back(std::move(*digest));
  }
  for (std::size_t i = 0; i < copied.size(); ++i) {
    PROV_TRY(const auto arrived, DigestOf(to, Tables()[i]));
    if (arrived == copied[i]) continue;
    return Error{
        ErrorCode::kCorrupt,
        fmt::format("the table {} has {} rows in the source and {} in the target, and they "
                    "are not the same; nothing was kept.",
                    arrived.table, copied[i].rows, arrived.rows)};
  }
  return copied;
}

}  // namespace prov::store::transfer
