// What envelopes carry, from any bytes (docs/formats/envelope.md, events.md, commands.md): read,
// written and read again it is the same; what is refused is named by its JSON pointer. The first
// byte chooses the kind.
#include "fuzz/fuzz.hpp"
#include "job/command.hpp"
#include "job/event.hpp"
#include "job/order.hpp"

namespace prov::fuzz {
namespace {

template <class Parse, class Serialize>
void Check(std::string_view bytes, Parse parse, Serialize serialize) {
  const auto read = parse(bytes);
  if (!read) {
    const auto& error = read.error();
    if (error.code == ErrorCode::kTooLarge) return;
    Require(error.code == ErrorCode::kInvalidArgument, "what is refused is an invalid argument");
    Require(!error.message.empty(), "a refusal says why");
    return;
  }
  const auto written = serialize(*read);
  // Numbers and escapes have longer spellings than the one that is written, and shorter ones.
  if (!written && written.error().code == ErrorCode::kTooLarge) return;
  Require(written.has_value(), "what was read can be written");
  const auto again = parse(*written);
  Require(again.has_value(), "what was written can be read");
  Require(serialize(*again).value() == *written, "what is read again is the same");
}

}  // namespace

void FuzzPayload(std::string_view bytes) {
  Input input(bytes);
  const auto kind = input.Byte();
  const auto text = input.Rest();
  if (kind == 'o') return Check(text, job::ParseOrder, job::SerializeOrder);
  if (kind == 'e') return Check(text, job::ParseEvent, job::SerializeEvent);
  const auto type = static_cast<job::CommandType>(kind % 6);
  Check(
      text, [&](auto payload) { return job::ParseCommand(type, payload); },
      [&](const auto& command) { return job::SerializeCommand(type, command); });
}

}  // namespace prov::fuzz
