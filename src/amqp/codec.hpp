// AMQP 0-9-1 as bytes: what a client sends is encoded, what a broker sends is decoded and checked.
// librabbitmq knows the methods and their arguments; the connection is ours (connection.hpp). What
// comes may be hostile, so everything about it is bounded.
// https://www.rabbitmq.com/resources/specs/amqp0-9-1.pdf
//
// Pure; not thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "amqp/message.hpp"
#include "base/result.hpp"

namespace prov::amqp {

using ChannelNumber = std::uint16_t;  // 0 is the connection itself

inline constexpr std::uint32_t kFrameBytes = 131'072;  // at most, in both directions
// What a connection begins with.
inline constexpr std::string_view kProtocolHeader{"AMQP\0\0\x9\x1", 8};

// ---- from a broker

struct Start {
  std::string product;
  std::string version;
  std::string mechanisms;  // "PLAIN AMQPLAIN"
};
struct Tune {
  std::uint16_t channels = 0;  // 0: no limit, as for all of them
  std::uint32_t frame_bytes = 0;
  std::uint16_t heartbeat_seconds = 0;
};
// A call was carried out; for queue.declare, with the queue's state.
struct Done {
  QueueState queue;
};
// The channel, or the connection, was closed by the broker.
struct Closed {
  std::uint16_t code = 0;
  std::string text;
};
struct CloseOk {};
struct Blocked {
  std::string reason;
};
struct Unblocked {};
struct Confirmed {
  std::uint64_t tag = 0;
  bool multiple = false;
  bool taken = false;  // false: the broker refused it
};
// A message that no queue takes; its confirmation follows.
struct Returned {};
struct ConsumerCanceled {};
struct Heartbeat {};

struct Frame {
  ChannelNumber channel = 0;
  std::variant<Heartbeat, Start, Tune, Done, Closed, CloseOk, Blocked, Unblocked, Confirmed,
               Returned, ConsumerCanceled, Delivery>
      what;
};

class Decoder {
 public:
  // A body above `most_body_bytes` is passed over; its delivery says so. `is_open` says which
  // channels, beside 0, the client has opened: what comes on another is refused before anything is
  // kept of it, so that what is kept is bounded by them.
  using IsOpen = std::function<bool(ChannelNumber)>;
  Decoder(std::size_t most_body_bytes, IsOpen is_open);
  ~Decoder();
  // Takes what is there of `bytes` up to the end of the next frame, and takes it off them. Nothing
  // where more bytes are needed. kCorrupt for what is no AMQP or out of order, kUnsupported for
  // another version of it; then it is at its end.
  Result<std::optional<Frame>> Next(std::string_view& bytes);

 private:
  struct Native;
  struct Content {  // a delivery whose header and body are still to come
    Delivery delivery;
    bool header = false;
    bool returned = false;  // not delivered: sent back
    std::uint64_t missing = 0;
  };
  Status CheckFrame(std::string_view bytes);
  Result<std::optional<Frame>> Method(ChannelNumber channel, std::uint32_t id, void* decoded);
  Result<std::optional<Frame>> Header(ChannelNumber channel, std::uint64_t size, void* decoded);
  Result<std::optional<Frame>> Body(ChannelNumber channel, std::string_view bytes);
  Result<std::optional<Frame>> Whole(ChannelNumber channel);

  std::size_t most_body_bytes_;
  IsOpen is_open_;
  std::unique_ptr<Native> native_;
  std::string begun_;  // of the frame that is being read: its type and channel
  std::map<ChannelNumber, Content> contents_;
};

// ---- from a client: each appends frames. kInvalidArgument where a name is longer than 255 bytes.

Status AppendStartOk(std::string& to, std::string_view user, std::string_view password,
                     std::string_view name);
Status AppendTuneOk(std::string& to, const Tune& tune);
Status AppendOpen(std::string& to, std::string_view vhost);
void AppendClose(std::string& to, ChannelNumber channel);    // of a channel; 0: of the connection
void AppendCloseOk(std::string& to, ChannelNumber channel);  // the same
void AppendHeartbeat(std::string& to);
void AppendOpenChannel(std::string& to, ChannelNumber channel);
void AppendConfirmSelect(std::string& to, ChannelNumber channel);
Status AppendDeclareExchange(std::string& to, ChannelNumber channel, std::string_view name,
                             std::string_view type);
Status AppendDeclareQueue(std::string& to, ChannelNumber channel, const Queue& queue);
Status AppendDeleteQueue(std::string& to, ChannelNumber channel, std::string_view queue);
Status AppendBind(std::string& to, ChannelNumber channel, std::string_view queue,
                  std::string_view exchange, std::string_view routing_key);
void AppendPrefetch(std::string& to, ChannelNumber channel, std::uint16_t messages);
Status AppendConsume(std::string& to, ChannelNumber channel, std::string_view queue,
                     bool acknowledged);
void AppendAcknowledge(std::string& to, ChannelNumber channel, std::uint64_t tag, bool multiple);
// `mandatory`: where no queue takes it, it is sent back (Returned).
Status AppendPublish(std::string& to, ChannelNumber channel, const Message& message, bool mandatory,
                     std::uint32_t frame_bytes);

}  // namespace prov::amqp
