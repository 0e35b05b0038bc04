// Between C++ values and columns.
#pragma once

#include <bit>
#include <optional>

#include "base/json.hpp"
#include "base/uuid.hpp"
#include "store/sql/connection.hpp"

namespace prov::store::sql {

static_assert(std::is_trivially_copyable_v<Uuid> && sizeof(Uuid) == 16);

inline Value From(const Uuid& id) {
  return Blob{std::string(reinterpret_cast<const char*>(id.bytes().data()), 16)};
}
inline Value From(WallTime time) { return std::int64_t{time.time_since_epoch().count()}; }
inline Value From(const std::string& text) { return text; }
template <std::integral T>
Value From(T number) {
  return static_cast<std::int64_t>(number);
}
template <json::detail::DescribedEnum E>
Value From(E value) {
  return json::EnumName(value);
}
template <class T>
Value From(const std::optional<T>& value) {
  return value ? From(*value) : Value{};
}
// The smallest version 7 id of that millisecond.
inline Value FirstIdAt(WallTime time) {
  const auto millis =
      static_cast<std::uint64_t>(std::max<std::int64_t>(0, time.time_since_epoch().count()));
  std::string bytes(16, '\0');
  for (int i = 0; i < 6; ++i) {
    bytes[static_cast<std::size_t>(i)] = static_cast<char>(millis >> (8 * (5 - i)));
  }
  return Blob{bytes};
}
// Empty bytes are NULL: deleted, or never there.
inline Value FromBytes(const std::string& bytes) {
  return bytes.empty() ? Value{} : Value{Blob{bytes}};
}

// Reads the columns of a row from the left to the right.
class Columns {
 public:
  explicit Columns(const Row& row) : row_(row) {}

  void To(std::string& text) { text = row_.Text(next_++); }
  void To(WallTime& time) { time = WallTime{Millis{row_.Int(next_++)}}; }
  void To(bool& flag) { flag = row_.Int(next_++) != 0; }
  template <std::integral T>
  void To(T& number) {
    number = static_cast<T>(row_.Int(next_++));
  }
  void To(Uuid& id) {
    std::array<std::uint8_t, 16> bytes{};
    const auto text = row_.Text(next_++);
    std::copy_n(text.begin(), std::min(text.size(), bytes.size()), bytes.begin());
    id = std::bit_cast<Uuid>(bytes);
  }
  template <json::detail::DescribedEnum E>
  void To(E& value) {
    static const auto words = Words<E>();
    const auto name = row_.Text(next_++);
    const auto found = words.find(name);
    found != words.end() ? void(value = found->second) : Refuse("an unknown word: " + name);
  }
  template <class T>
  void To(std::optional<T>& value) {
    if (row_.IsNull(next_)) {
      value.reset();
      ++next_;
    } else {
      To(value.emplace());
    }
  }
  template <class T>
  void Json(T& value) {
    auto parsed = json::Parse<T>(row_.Text(next_++), {.bytes = 64u << 20});
    parsed ? void(value = std::move(*parsed)) : RefuseJson(parsed.error().message);
  }

  template <class T>
  void Json(std::optional<T>& value) {
    value.reset();
    if (!row_.IsNull(next_)) return Json<T>(value.emplace());
    ++next_;
  }

  template <class T>
  void Json(std::vector<T>& list) {
    const auto text = row_.Text(next_);
    if (text != "[]") return Json<std::vector<T>>(list);  // nearly always it is
    list.clear();
    ++next_;
  }

  template <class... T>
  void All(T&... values) {
    (To(values), ...);
  }

  const std::optional<Error>& error() const { return error_; }
  // From here on JSON that cannot be read is no error: its value stays empty, and this says why.
  void PassOverBrokenJson() { passes_over_ = true; }
  const std::optional<std::string>& passed_over() const { return passed_over_; }

 private:
  // By name, as json::EnumFromName would spell each anew for every row.
  template <class E>
  static std::map<std::string, E> Words() {
    std::map<std::string, E> words;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>(
        [&](auto described) { words.emplace(json::EnumName(described.value), described.value); });
    return words;
  }
  void Refuse(std::string why) {
    if (!error_) {
      error_ = Error{ErrorCode::kCorrupt, "a stored row cannot be read: " + std::move(why)};
    }
  }

  void RefuseJson(std::string why) {
    passes_over_ ? void(passed_over_ = std::move(why)) : Refuse(std::move(why));
  }

  const Row& row_;
  int next_ = 0;
  bool passes_over_ = false;
  std::optional<std::string> passed_over_;
  std::optional<Error> error_;
};

// Every row as a T, by `read(Columns&, T&)`.
template <class T, class Read>
Result<std::vector<T>> SelectAll(Connection& connection, std::string_view sql, const Values& values,
                                 Read read) {
  std::vector<T> rows;
  std::optional<Error> error;
  PROV_CHECK(connection.Query(sql, values, [&](const Row& row) {
    Columns columns(row);
    read(columns, rows.emplace_back());
    if (columns.error() && !error) error = columns.error();
  }));
  if (error) return *error;
  return rows;
}

template <class T, class Read>
Result<std::optional<T>> SelectOne(Connection& connection, std::string_view sql,
                                   const Values& values, Read read) {
  PROV_TRY(auto rows, SelectAll<T>(connection, sql, values, read));
  if (rows.empty()) return std::optional<T>{};
  return std::optional<T>{std::move(rows.front())};
}

inline Error NoSuch(std::string_view what, std::string_view id) {
  return Error{ErrorCode::kNotFound, fmt::format("there is no {} {}.", what, id)};
}

}  // namespace prov::store::sql
