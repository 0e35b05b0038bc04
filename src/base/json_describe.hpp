// Reading and writing described structs: the templates behind json.hpp. Include json.hpp instead.
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>

#include "base/clock.hpp"
#include "base/json.hpp"
#include "base/uuid.hpp"

namespace prov::json {

// "kTimedOut" -> "timed_out"; "kCgroup2" -> "cgroup2".
std::string EnumeratorToName(std::string_view enumerator);
// `token` escaped for a JSON pointer (RFC 6901).
std::string EscapePointer(std::string_view token);

namespace detail {

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;

template <class T>
concept Described = boost::describe::has_describe_members<T>::value && std::is_class_v<T>;
template <class T>
concept DescribedEnum = boost::describe::has_describe_enumerators<T>::value && std::is_enum_v<T>;
template <class T>
concept Integer = std::integral<T> && !std::same_as<T, bool>;
template <class T>
concept JsonType = std::same_as<T, boost::json::value> || std::same_as<T, boost::json::object> ||
                   std::same_as<T, boost::json::array>;

std::string_view KindName(const boost::json::value& value);
std::string Wanted(std::string_view what, const boost::json::value& got);

}  // namespace detail

// The name of an enumerator, as the wire spells it.
template <detail::DescribedEnum E>
std::string EnumName(E value) {
  std::string name;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto described) {
    if (described.value == value) name = EnumeratorToName(described.name);
  });
  return name;
}

template <detail::DescribedEnum E>
std::optional<E> EnumFromName(std::string_view name) {
  std::optional<E> found;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto described) {
    if (EnumeratorToName(described.name) == name) found = described.value;
  });
  return found;
}

template <detail::DescribedEnum E>
std::string EnumNames() {
  std::string names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto described) {
    names += (names.empty() ? "" : ", ") + EnumeratorToName(described.name);
  });
  return names;
}

// kTolerant is for what another build of ours wrote: a member it did not know keeps its default,
// one we do not know is passed over.
enum class Reading { kStrict, kTolerant };

// Reads values into described types, collecting every fault.
class Reader {
 public:
  explicit Reader(Reading reading = Reading::kStrict) : reading_(reading) {}
  const std::vector<Fault>& faults() const { return faults_; }

  template <class T>
  void Read(const boost::json::value& value, T& into, const std::string& pointer) {
    if constexpr (std::same_as<T, boost::json::value>) {
      into = value;
    } else if constexpr (std::same_as<T, boost::json::object>) {
      value.is_object() ? void(into = value.get_object()) : Refuse(pointer, "an object", value);
    } else if constexpr (std::same_as<T, boost::json::array>) {
      value.is_array() ? void(into = value.get_array()) : Refuse(pointer, "an array", value);
    } else if constexpr (std::same_as<T, bool>) {
      value.is_bool() ? void(into = value.get_bool()) : Refuse(pointer, "true or false", value);
    } else if constexpr (std::same_as<T, std::string>) {
      value.is_string() ? void(into = value.get_string()) : Refuse(pointer, "a string", value);
    } else if constexpr (detail::Integer<T>) {
      ReadInteger(value, into, pointer);
    } else if constexpr (std::floating_point<T>) {
      value.is_number() ? void(into = value.to_number<T>()) : Refuse(pointer, "a number", value);
    } else if constexpr (std::same_as<T, Uuid> || std::same_as<T, WallTime>) {
      ReadText(value, into, pointer);
    } else if constexpr (detail::DescribedEnum<T>) {
      ReadEnum(value, into, pointer);
    } else if constexpr (detail::kIsOptional<T>) {
      if (!value.is_null()) Read(value, into.emplace(), pointer);
    } else if constexpr (detail::Described<T>) {
      ReadStruct(value, into, pointer);
    } else {
      ReadCollection(value, into, pointer);
    }
  }

 private:
  void Refuse(const std::string& pointer, std::string_view wanted, const boost::json::value& got);
  void Fail(const std::string& pointer, std::string message);

  template <detail::Integer T>
  void ReadInteger(const boost::json::value& value, T& into, const std::string& pointer) {
    boost::system::error_code error;
    if (!value.is_int64() && !value.is_uint64()) return Refuse(pointer, "an integer", value);
    into = value.to_number<T>(error);
    if (error) {
      Fail(pointer, "must be from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                        std::to_string(std::numeric_limits<T>::max()));
    }
  }

  template <class T>
  void ReadText(const boost::json::value& value, T& into, const std::string& pointer) {
    if (!value.is_string()) return Refuse(pointer, "a string", value);
    auto parsed = [&] {
      if constexpr (std::same_as<T, Uuid>)
        return Uuid::Parse(value.get_string());
      else
        return ParseTime(value.get_string());
    }();
    parsed ? void(into = *parsed) : Fail(pointer, parsed.error().message);
  }

  template <detail::DescribedEnum T>
  void ReadEnum(const boost::json::value& value, T& into, const std::string& pointer) {
    if (!value.is_string()) return Refuse(pointer, "one of " + EnumNames<T>(), value);
    const auto found = EnumFromName<T>(value.get_string());
    found ? void(into = *found) : Fail(pointer, "must be one of " + EnumNames<T>());
  }

  template <detail::Described T>
  void ReadStruct(const boost::json::value& value, T& into, const std::string& pointer) {
    if (!value.is_object()) return Refuse(pointer, "an object", value);
    const auto& object = value.get_object();
    using Members = boost::describe::describe_members<T, boost::describe::mod_any_access>;
    boost::mp11::mp_for_each<Members>([&](auto member) {
      auto& field = into.*member.pointer;
      const auto* given = object.if_contains(member.name);
      const std::string at = pointer + "/" + member.name;
      if (given != nullptr) {
        Read(*given, field, at);
      } else if (reading_ == Reading::kTolerant) {
        return;
      } else if constexpr (!detail::kIsOptional<std::remove_cvref_t<decltype(field)>>) {
        Fail(at, "is missing");
      }
    });
    if (reading_ == Reading::kTolerant) return;
    for (const auto& given : object) {
      bool known = false;
      boost::mp11::mp_for_each<Members>([&](auto member) { known |= given.key() == member.name; });
      if (!known) Fail(pointer + "/" + EscapePointer(given.key()), "is not a known member");
    }
  }

  template <class T>
  void ReadCollection(const boost::json::value& value, std::vector<T>& into,
                      const std::string& pointer) {
    if (!value.is_array()) return Refuse(pointer, "an array", value);
    for (std::size_t i = 0; i < value.get_array().size(); ++i) {
      T item{};
      Read(value.get_array()[i], item, pointer + "/" + std::to_string(i));
      into.push_back(std::move(item));
    }
  }

  template <class T>
  void ReadCollection(const boost::json::value& value, std::map<std::string, T>& into,
                      const std::string& pointer) {
    if (!value.is_object()) return Refuse(pointer, "an object", value);
    for (const auto& member : value.get_object()) {
      Read(member.value(), into[std::string(member.key())],
           pointer + "/" + EscapePointer(member.key()));
    }
  }

  Reading reading_;
  std::vector<Fault> faults_;
};

// Every fault is in the error's sentence; kInvalidArgument.
template <class T>
Result<T> FromValue(const boost::json::value& value, Reading reading = Reading::kStrict) {
  T read{};
  Reader reader(reading);
  reader.Read(value, read, "");
  if (!reader.faults().empty()) return FaultsError(reader.faults());
  return read;
}

template <class T>
Result<T> Parse(std::string_view text, const Limits& limits = {}) {
  PROV_TRY(auto value, ParseText(text, limits));
  return FromValue<T>(value);
}

// Members that are empty optionals are left out.
template <class T>
boost::json::value ToValue(const T& from) {
  if constexpr (detail::JsonType<T> || std::same_as<T, bool> || std::is_arithmetic_v<T>) {
    return from;
  } else if constexpr (std::same_as<T, std::string>) {
    return boost::json::value(from);
  } else if constexpr (std::same_as<T, Uuid>) {
    return boost::json::value(from.ToString());
  } else if constexpr (std::same_as<T, WallTime>) {
    return boost::json::value(FormatTime(from));
  } else if constexpr (detail::DescribedEnum<T>) {
    return boost::json::value(EnumName(from));
  } else if constexpr (detail::kIsOptional<T>) {
    return from ? ToValue(*from) : boost::json::value(nullptr);
  } else if constexpr (detail::Described<T>) {
    boost::json::object object;
    boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_any_access>>(
        [&](auto member) {
          const auto& field = from.*member.pointer;
          if constexpr (detail::kIsOptional<std::remove_cvref_t<decltype(field)>>) {
            if (!field) return;
          }
          object.emplace(member.name, ToValue(field));
        });
    return object;
  } else if constexpr (requires { typename T::mapped_type; }) {
    boost::json::object object;
    for (const auto& [key, value] : from) object.emplace(key, ToValue(value));
    return object;
  } else {
    boost::json::array array;
    for (const auto& item : from) array.push_back(ToValue(item));
    return array;
  }
}

template <class T>
std::string Write(const T& from) {
  return Serialize(ToValue(from));
}

}  // namespace prov::json
