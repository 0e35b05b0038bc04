#include "agent/channel.hpp"

#include <type_traits>

#include "job/framing.hpp"

namespace prov::agent {
namespace {

using job::GetU32;
using job::GetU64;
using job::PutU32;
using job::PutU64;

// One byte each, in the order of Message's alternatives.
enum class Kind : std::uint8_t {
  kHello = 1,
  kTakeParcel,
  kParcelTaken,
  kWantEvents,
  kSignedEvents,
  kOutboxState,
  kPanelClock,
};

void PutText(std::string& to, std::string_view text) {
  PutU32(to, static_cast<std::uint32_t>(text.size()));
  to += text;
}

// Reads fields one after another; anything missing or left over makes the frame corrupt.
class Fields {
 public:
  explicit Fields(std::string_view bytes) : bytes_(bytes) {}
  std::uint32_t U32() { return Have(4) ? GetU32(Take(4)) : 0; }
  std::uint64_t U64() { return Have(8) ? GetU64(Take(8)) : 0; }
  std::string Text() {
    const auto size = U32();
    return Have(size) ? std::string(Take(size)) : std::string();
  }
  std::string Rest() { return std::string(Take(bytes_.size())); }
  bool more() const { return good_ && !bytes_.empty(); }
  bool whole() const { return good_ && bytes_.empty(); }

 private:
  bool Have(std::size_t size) {
    good_ = good_ && bytes_.size() >= size;
    return good_;
  }
  std::string_view Take(std::size_t size) {
    const auto taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view bytes_;
  bool good_ = true;
};

struct Encode {
  std::string& to;
  void operator()(const Hello& hello) const {
    PutText(to, hello.configuration);
    PutText(to, hello.http_key);
  }
  void operator()(const TakeParcel& parcel) const {
    PutU64(to, parcel.number);
    to += parcel.bytes;
  }
  void operator()(const ParcelTaken& taken) const { PutU64(to, taken.number); }
  void operator()(const WantEvents& want) const {
    PutU64(to, want.from);
    PutU32(to, want.most_bytes);
  }
  void operator()(const SignedEvents& events) const {
    PutU64(to, events.first);
    for (const auto& event : events.events) PutText(to, event);
  }
  void operator()(const OutboxState& state) const {
    PutU64(to, state.last);
    PutU64(to, state.acknowledged);
  }
  void operator()(const PanelClock& clock) const {
    PutU64(to, static_cast<std::uint64_t>(clock.offset_ms));
  }
};

bool Decode(Kind kind, std::string_view body, Message& message) {
  Fields fields(body);
  switch (kind) {
    case Kind::kHello: {
      Hello hello{fields.Text(), fields.Text()};
      message = std::move(hello);
      break;
    }
    case Kind::kTakeParcel: {
      const auto number = fields.U64();
      message = TakeParcel{number, fields.Rest()};
      break;
    }
    case Kind::kParcelTaken:
      message = ParcelTaken{fields.U64()};
      break;
    case Kind::kWantEvents: {
      const auto from = fields.U64();
      message = WantEvents{from, fields.U32()};
      break;
    }
    case Kind::kSignedEvents: {
      SignedEvents events{fields.U64(), {}};
      while (fields.more()) events.events.push_back(fields.Text());
      message = std::move(events);
      break;
    }
    case Kind::kOutboxState: {
      const auto last = fields.U64();
      message = OutboxState{last, fields.U64()};
      break;
    }
    case Kind::kPanelClock:
      message = PanelClock{static_cast<std::int64_t>(fields.U64())};
      break;
    default:
      return false;
  }
  return fields.whole();
}

}  // namespace

void AppendFrame(std::string& to, const Message& message) {
  const auto at = to.size();
  PutU32(to, 0);
  to += static_cast<char>(message.index() + 1);
  std::visit(Encode{to}, message);
  std::string length;
  PutU32(length, static_cast<std::uint32_t>(to.size() - at - 4));
  to.replace(at, 4, length);
}

Result<bool> FrameReader::Next(Message& message) {
  const auto bytes = std::string_view(buffer_).substr(offset_);
  if (bytes.size() < 4) return false;
  const auto size = GetU32(bytes);
  if (size > kMaxFrameBytes)
    return Error{ErrorCode::kTooLarge, "a frame from the other process is too large", {}};
  if (bytes.size() < 4 + std::size_t{size}) return false;
  const auto frame = bytes.substr(4, size);
  if (frame.empty() || !Decode(static_cast<Kind>(frame[0]), frame.substr(1), message))
    return Error{ErrorCode::kCorrupt, "a frame from the other process is malformed", {}};
  offset_ += 4 + std::size_t{size};
  // Moving the rest once half the buffer is used up keeps the cost linear.
  if (offset_ > buffer_.size() / 2) {
    buffer_.erase(0, offset_);
    offset_ = 0;
  }
  return true;
}

}  // namespace prov::agent
