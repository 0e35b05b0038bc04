// What a RabbitMQ server sends (src/amqp/codec.hpp): however the bytes are cut, the same frames and
// the same error; no body is longer than the limit, and nothing comes of a channel that is not
// open. A recipe (a first byte of 'w') writes deliveries on channels that take turns, the last of
// them perhaps cut off: what is read are these.
#include <array>
#include <vector>

#include "amqp/codec.hpp"
#include "fuzz/fuzz.hpp"

namespace prov::fuzz {
namespace {

using amqp::ChannelNumber;

constexpr std::size_t kMostBody = 300;
constexpr ChannelNumber kChannels = 3;  // open: 1 to 3

struct Frames {
  std::vector<std::string> frames;
  std::string error;
  bool operator==(const Frames&) const = default;
};

std::string Number(std::uint64_t number, int bytes) {
  std::string text;
  for (int at = bytes - 1; at >= 0; --at) text += static_cast<char>(number >> (8 * at) & 0xff);
  return text;
}

std::string Text(std::string_view text) { return Number(text.size(), 4) += text; }

// Two frames that differ are described by different texts.
class Describe {
 public:
  std::string operator()(const amqp::Start& start) const {
    return Text(start.product) + Text(start.version) + Text(start.mechanisms);
  }
  std::string operator()(const amqp::Tune& tune) const {
    return Number(tune.channels, 2) + Number(tune.frame_bytes, 4) +
           Number(tune.heartbeat_seconds, 2);
  }
  std::string operator()(const amqp::Done& done) const {
    return Number(done.queue.ready, 4) + Number(done.queue.consumers, 4);
  }
  std::string operator()(const amqp::Closed& closed) const {
    return Number(closed.code, 2) + Text(closed.text);
  }
  std::string operator()(const amqp::Blocked& blocked) const { return Text(blocked.reason); }
  std::string operator()(const amqp::Confirmed& confirmed) const {
    return Number(confirmed.tag, 8) + Number(confirmed.multiple, 1) + Number(confirmed.taken, 1);
  }
  std::string operator()(const amqp::Delivery& delivery) const {
    return Number(delivery.tag, 8) + Number(delivery.redelivered, 1) + Text(delivery.routing_key) +
           Text(delivery.type) + Text(delivery.message_id) + Text(delivery.reply_to) +
           Number(delivery.too_large, 1) + Text(delivery.body);
  }
  std::string operator()(const auto& /*nothing more*/) const { return ""; }
};

std::string Described(const amqp::Frame& frame) {
  return Number(frame.channel, 2) + Number(frame.what.index(), 1) +
         std::visit(Describe(), frame.what);
}

Frames Read(std::string_view bytes, std::size_t piece) {
  amqp::Decoder decoder(kMostBody, [](ChannelNumber channel) { return channel <= kChannels; });
  Frames read;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto rest = bytes.substr(at, piece);
    while (true) {
      const auto next = decoder.Next(rest);
      if (!next) {
        read.error = next.error().ToString();
        Require(!read.error.empty(), "a refusal says why");
        return read;
      }
      if (!*next) break;
      const auto& frame = **next;
      Require(frame.channel <= kChannels, "nothing comes of a channel that is not open");
      if (const auto* delivery = std::get_if<amqp::Delivery>(&frame.what))
        Require(delivery->body.size() <= kMostBody, "no body is longer than the limit");
      read.frames.push_back(Described(frame));
    }
    Require(rest.empty(), "what is no whole frame is kept");
  }
  return read;
}

Frames ReadCut(std::string_view bytes) {
  auto whole = Read(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (const std::size_t piece : {1, 7})
    Require(Read(bytes, piece) == whole, "a cut changes nothing");
  return whole;
}

// ---- deliveries, written as a server does it

std::string FrameOf(int type, ChannelNumber channel, std::string_view payload) {
  return Number(static_cast<std::uint64_t>(type), 1) + Number(channel, 2) + Text(payload) + "\xce";
}

class Writer {
 public:
  // Adds what comes next on one of the channels.
  void Step(Input& input) {
    const auto channel = static_cast<ChannelNumber>(1 + input.Byte() % kChannels);
    auto& under_way = under_way_[channel];
    if (under_way.next == Next::kMethod) {
      Begin(channel, under_way, input);
    } else if (under_way.next == Next::kHeader) {
      Header(channel, under_way);
    } else {
      const auto part = under_way.missing.substr(0, 1 + std::size_t{input.Byte()});
      under_way.missing.erase(0, part.size());
      bytes_ += FrameOf(3, channel, part);
    }
    if (under_way.next != Next::kBody || !under_way.missing.empty()) return;
    frames_.push_back(Described({.channel = channel, .what = under_way.delivery}));
    under_way = {};
  }
  const std::string& bytes() const { return bytes_; }
  const std::vector<std::string>& frames() const { return frames_; }

 private:
  enum class Next { kMethod, kHeader, kBody };
  struct UnderWay {
    Next next = Next::kMethod;
    amqp::Delivery delivery;
    std::string missing;  // of the body
  };

  static std::string Short(std::string_view text) { return Number(text.size(), 1) += text; }

  void Begin(ChannelNumber channel, UnderWay& under_way, Input& input) {
    auto& delivery = under_way.delivery;
    delivery.tag = input.Number();
    delivery.redelivered = input.Byte() % 2 == 1;
    delivery.routing_key = input.Text();
    delivery.type = input.Text();
    delivery.message_id = input.Text();
    delivery.body = input.Text();
    for (auto times = input.Byte() % 4; times > 0; --times) delivery.body += delivery.body;
    bytes_ += FrameOf(1, channel,
                      Number(60, 2) + Number(60, 2) + Short("consumer") + Number(delivery.tag, 8) +
                          Number(delivery.redelivered, 1) + Short("exchange") +
                          Short(delivery.routing_key));
    under_way.next = Next::kHeader;
  }

  void Header(ChannelNumber channel, UnderWay& under_way) {
    auto& delivery = under_way.delivery;
    constexpr std::uint16_t kType = 0x20;
    constexpr std::uint16_t kMessageId = 0x80;
    const auto properties = Number(delivery.type.empty() ? kMessageId : kMessageId | kType, 2) +
                            Short(delivery.message_id) +
                            (delivery.type.empty() ? "" : Short(delivery.type));
    bytes_ += FrameOf(2, channel,
                      Number(60, 2) + Number(0, 2) + Number(delivery.body.size(), 8) + properties);
    under_way.missing = delivery.body;
    delivery.too_large = delivery.body.size() > kMostBody;
    if (delivery.too_large) delivery.body.clear();
    under_way.next = Next::kBody;
  }

  std::string bytes_;
  std::vector<std::string> frames_;
  std::array<UnderWay, kChannels + 1> under_way_;
};

void WriteAndRead(Input input) {
  // connection.unblocked: what a server begins with is a method.
  const auto first = FrameOf(1, 0, Number(10, 2) + Number(61, 2));
  const auto cut = input.Number();
  Writer writer;
  for (int steps = 0; steps < 100 && !input.empty(); ++steps) writer.Step(input);
  const auto bytes = first + writer.bytes();
  auto read = ReadCut(bytes);
  Require(read.error.empty(), "what is written as a server does it is read");
  read.frames.erase(read.frames.begin());
  Require(read.frames == writer.frames(), "what is read are the deliveries that were written");
  const auto part = ReadCut(std::string_view(bytes).substr(0, cut % (bytes.size() + 1)));
  Require(part.error.empty(), "what breaks off is no error");
  Require(part.frames.size() <= writer.frames().size() + 1 &&
              std::equal(part.frames.begin() + !part.frames.empty(), part.frames.end(),
                         writer.frames().begin()),
          "of what breaks off the beginning is read");
}

}  // namespace

void FuzzAmqp(std::string_view bytes) {
  if (bytes.starts_with('w')) return WriteAndRead(Input(bytes.substr(1)));
  ReadCut(bytes);
}

}  // namespace prov::fuzz
