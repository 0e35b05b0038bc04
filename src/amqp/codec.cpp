#include "amqp/codec.hpp"

#include <algorithm>
#include <amqp.h>
#include <amqp_framing.h>
#include <array>
#include <cstring>

#include <fmt/format.h>

namespace prov::amqp {
namespace {

constexpr std::size_t kMostMethodBytes = 16 << 10;  // of what is sent
constexpr std::size_t kFrameOverhead = 8;           // type, channel, size; end
constexpr std::size_t kTypeAndChannel = 3;          // what a frame begins with
constexpr std::string_view kFrameEnd{"\xce", 1};

amqp_bytes_t Bytes(std::string_view text) {
  return {text.size(), const_cast<char*>(text.data())};  // it is read only
}

std::string_view View(amqp_bytes_t bytes) {
  return bytes.len == 0 ? std::string_view()
                        : std::string_view(static_cast<const char*>(bytes.bytes), bytes.len);
}

std::string Text(amqp_bytes_t bytes) { return std::string(View(bytes)); }

Error Corrupt(std::string what) {
  return {ErrorCode::kCorrupt, "the server's answer is no AMQP: " + std::move(what)};
}

void AppendNumber(std::string& to, std::uint64_t number, int bytes) {
  for (int at = bytes - 1; at >= 0; --at) to += static_cast<char>(number >> (8 * at) & 0xff);
}

void AppendFrame(std::string& to, std::uint8_t type, ChannelNumber channel,
                 std::string_view payload) {
  AppendNumber(to, type, 1);
  AppendNumber(to, channel, 2);
  AppendNumber(to, payload.size(), 4);
  to += payload;
  to += kFrameEnd;
}

template <class Arguments>
Status AppendMethod(std::string& to, ChannelNumber channel, amqp_method_number_t id,
                    Arguments arguments) {
  std::string payload;
  AppendNumber(payload, id, 4);
  payload.resize(kMostMethodBytes);
  const auto size = amqp_encode_method(id, &arguments, Bytes(std::string_view(payload).substr(4)));
  if (size < 0) return Error{ErrorCode::kInvalidArgument, "a name in AMQP has 255 bytes at most"};
  AppendFrame(to, AMQP_FRAME_METHOD, channel,
              std::string_view(payload).substr(0, 4 + static_cast<std::size_t>(size)));
  return {};
}

// Of a method whose arguments are of a fixed size.
template <class Arguments>
void AppendFixed(std::string& to, ChannelNumber channel, amqp_method_number_t id,
                 Arguments arguments) {
  (void)AppendMethod(to, channel, id, arguments);
}

amqp_table_entry_t Entry(std::string_view key, std::string_view value) {
  amqp_table_entry_t entry{};
  entry.key = Bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_UTF8;
  entry.value.value.bytes = Bytes(value);
  return entry;
}

amqp_table_entry_t Entry(std::string_view key, std::int64_t value) {
  amqp_table_entry_t entry{};
  entry.key = Bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_I64;
  entry.value.value.i64 = value;
  return entry;
}

amqp_table_entry_t Entry(std::string_view key, bool value) {
  amqp_table_entry_t entry{};
  entry.key = Bytes(key);
  entry.value.kind = AMQP_FIELD_KIND_BOOLEAN;
  entry.value.value.boolean = value ? 1 : 0;
  return entry;
}

amqp_table_t Table(std::vector<amqp_table_entry_t>& entries) {
  return {static_cast<int>(entries.size()), entries.data()};
}

std::string FindText(const amqp_table_t& table, std::string_view key) {
  for (int i = 0; i < table.num_entries; ++i) {
    const auto& entry = table.entries[i];
    if (View(entry.key) == key && entry.value.kind == AMQP_FIELD_KIND_UTF8)
      return Text(entry.value.value.bytes);
  }
  return "";
}

}  // namespace

// ---- from a broker

struct Decoder::Native {
  Native() : state(amqp_new_connection()) {
    if (state == nullptr) throw std::bad_alloc();
  }
  ~Native() { amqp_destroy_connection(state); }
  Native(const Native&) = delete;
  // Until the first frame the library takes no other limit than its own, which is half of this.
  void Tune() {
    if (std::exchange(tuned, true)) return;
    if (amqp_tune_connection(state, 0, kFrameBytes, 0) != AMQP_STATUS_OK) throw std::bad_alloc();
  }
  amqp_connection_state_t state;
  bool tuned = false;
};

Decoder::Decoder(std::size_t most_body_bytes, IsOpen is_open)
    : most_body_bytes_(most_body_bytes),
      is_open_(std::move(is_open)),
      native_(std::make_unique<Native>()) {}
Decoder::~Decoder() = default;

Result<std::optional<Frame>> Decoder::Next(std::string_view& bytes) {
  while (!bytes.empty()) {
    PROV_CHECK(CheckFrame(bytes));
    amqp_frame_t frame{};
    const auto used = amqp_handle_input(native_->state, Bytes(bytes), &frame);
    if (used < 0) return Corrupt(amqp_error_string2(used));
    bytes.remove_prefix(static_cast<std::size_t>(used));
    if (frame.frame_type == 0) continue;  // not whole yet
    begun_.clear();
    native_->Tune();
    Result<std::optional<Frame>> decoded = std::optional<Frame>();
    switch (frame.frame_type) {
      case AMQP_FRAME_METHOD:
        decoded = Method(frame.channel, frame.payload.method.id, frame.payload.method.decoded);
        break;
      case AMQP_FRAME_HEADER:
        if (frame.payload.properties.class_id != AMQP_BASIC_CLASS)
          return Corrupt("content of an unknown class");
        decoded = Header(frame.channel, frame.payload.properties.body_size,
                         frame.payload.properties.decoded);
        break;
      case AMQP_FRAME_BODY:
        decoded = Body(frame.channel, View(frame.payload.body_fragment));
        break;
      case AMQP_FRAME_HEARTBEAT:
        decoded = std::optional(Frame{.channel = 0, .what = Heartbeat{}});
        break;
      default:
        return Corrupt("a frame of an unknown type");
    }
    // What was decoded is copied by now.
    amqp_maybe_release_buffers_on_channel(native_->state, frame.channel);
    if (!decoded || *decoded) return decoded;
  }
  return std::optional<Frame>();
}

// Before the library sees it: that passes over frames of a type it does not know, and keeps memory
// for each channel of which a frame ever came.
Status Decoder::CheckFrame(std::string_view bytes) {
  if (begun_.size() == kTypeAndChannel) return {};
  begun_ += bytes.substr(0, kTypeAndChannel - begun_.size());
  if (begun_.size() < kTypeAndChannel) return {};
  if (begun_ == kProtocolHeader.substr(0, kTypeAndChannel)) {
    return Error{
        ErrorCode::kUnsupported, "the server speaks another version of AMQP than 0-9-1", {}};
  }
  const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(begun_[at]); };
  constexpr std::array kTypes{AMQP_FRAME_METHOD, AMQP_FRAME_HEADER, AMQP_FRAME_BODY,
                              AMQP_FRAME_HEARTBEAT};
  if (std::ranges::find(kTypes, int{byte(0)}) == kTypes.end())
    return Corrupt("a frame of an unknown type");
  const auto channel = static_cast<ChannelNumber>(byte(1) << 8 | byte(2));
  if (channel == 0 || is_open_(channel)) return {};
  return Corrupt(fmt::format("a frame of channel {}, which is not open", channel));
}

Result<std::optional<Frame>> Decoder::Method(ChannelNumber channel, std::uint32_t id,
                                             void* decoded) {
  if (contents_.contains(channel)) return Corrupt("a method between a delivery and its content");
  const auto frame = [&](auto what) {
    return Result<std::optional<Frame>>(Frame{.channel = channel, .what = std::move(what)});
  };
  switch (id) {
    case AMQP_CONNECTION_START_METHOD: {
      const auto& start = *static_cast<amqp_connection_start_t*>(decoded);
      return frame(Start{FindText(start.server_properties, "product"),
                         FindText(start.server_properties, "version"), Text(start.mechanisms)});
    }
    case AMQP_CONNECTION_TUNE_METHOD: {
      const auto& tune = *static_cast<amqp_connection_tune_t*>(decoded);
      return frame(Tune{tune.channel_max, tune.frame_max, tune.heartbeat});
    }
    case AMQP_CONNECTION_CLOSE_METHOD: {
      const auto& close = *static_cast<amqp_connection_close_t*>(decoded);
      return frame(Closed{close.reply_code, Text(close.reply_text)});
    }
    case AMQP_CHANNEL_CLOSE_METHOD: {
      const auto& close = *static_cast<amqp_channel_close_t*>(decoded);
      return frame(Closed{close.reply_code, Text(close.reply_text)});
    }
    case AMQP_CONNECTION_CLOSE_OK_METHOD:
    case AMQP_CHANNEL_CLOSE_OK_METHOD:
      return frame(CloseOk{});
    case AMQP_CONNECTION_BLOCKED_METHOD:
      return frame(Blocked{Text(static_cast<amqp_connection_blocked_t*>(decoded)->reason)});
    case AMQP_CONNECTION_UNBLOCKED_METHOD:
      return frame(Unblocked{});
    case AMQP_QUEUE_DECLARE_OK_METHOD: {
      const auto& queue = *static_cast<amqp_queue_declare_ok_t*>(decoded);
      return frame(Done{{queue.message_count, queue.consumer_count}});
    }
    case AMQP_CONNECTION_OPEN_OK_METHOD:
    case AMQP_CHANNEL_OPEN_OK_METHOD:
    case AMQP_EXCHANGE_DECLARE_OK_METHOD:
    case AMQP_QUEUE_DELETE_OK_METHOD:
    case AMQP_QUEUE_BIND_OK_METHOD:
    case AMQP_BASIC_QOS_OK_METHOD:
    case AMQP_BASIC_CONSUME_OK_METHOD:
    case AMQP_CONFIRM_SELECT_OK_METHOD:
      return frame(Done{});
    case AMQP_BASIC_ACK_METHOD: {
      const auto& ack = *static_cast<amqp_basic_ack_t*>(decoded);
      return frame(Confirmed{ack.delivery_tag, ack.multiple != 0, true});
    }
    case AMQP_BASIC_NACK_METHOD: {
      const auto& nack = *static_cast<amqp_basic_nack_t*>(decoded);
      return frame(Confirmed{nack.delivery_tag, nack.multiple != 0, false});
    }
    case AMQP_BASIC_CANCEL_METHOD:
      return frame(ConsumerCanceled{});
    case AMQP_BASIC_DELIVER_METHOD: {
      const auto& deliver = *static_cast<amqp_basic_deliver_t*>(decoded);
      auto& content = contents_[channel];
      content.delivery.tag = deliver.delivery_tag;
      content.delivery.redelivered = deliver.redelivered != 0;
      content.delivery.routing_key = Text(deliver.routing_key);
      return std::optional<Frame>();
    }
    case AMQP_BASIC_RETURN_METHOD:
      contents_[channel].returned = true;
      return std::optional<Frame>();
    default:
      return Corrupt(fmt::format("method {}.{} was not asked for", id >> 16, id & 0xffff));
  }
}

Result<std::optional<Frame>> Decoder::Header(ChannelNumber channel, std::uint64_t size,
                                             void* decoded) {
  const auto found = contents_.find(channel);
  if (found == contents_.end() || found->second.header)
    return Corrupt("content that belongs to no delivery");
  auto& content = found->second;
  content.header = true;
  content.missing = size;
  content.delivery.too_large = size > most_body_bytes_;
  const auto& properties = *static_cast<amqp_basic_properties_t*>(decoded);
  if (properties._flags & AMQP_BASIC_TYPE_FLAG) content.delivery.type = Text(properties.type);
  if (properties._flags & AMQP_BASIC_MESSAGE_ID_FLAG)
    content.delivery.message_id = Text(properties.message_id);
  if (properties._flags & AMQP_BASIC_REPLY_TO_FLAG)
    content.delivery.reply_to = Text(properties.reply_to);
  return size == 0 ? Whole(channel) : std::optional<Frame>();
}

Result<std::optional<Frame>> Decoder::Body(ChannelNumber channel, std::string_view bytes) {
  const auto found = contents_.find(channel);
  if (found == contents_.end() || !found->second.header || bytes.size() > found->second.missing)
    return Corrupt("content that belongs to no delivery");
  auto& content = found->second;
  content.missing -= bytes.size();
  if (!content.delivery.too_large && !content.returned) content.delivery.body += bytes;
  return content.missing == 0 ? Whole(channel) : std::optional<Frame>();
}

Result<std::optional<Frame>> Decoder::Whole(ChannelNumber channel) {
  auto content = std::move(contents_.extract(channel).mapped());
  if (content.returned) return std::optional(Frame{.channel = channel, .what = Returned{}});
  return std::optional(Frame{.channel = channel, .what = std::move(content.delivery)});
}

// ---- from a client

Status AppendStartOk(std::string& to, std::string_view user, std::string_view password,
                     std::string_view name) {
  // What the broker may then do: say that an alarm blocks publishing, that a consumer is canceled.
  std::vector<amqp_table_entry_t> can{Entry("authentication_failure_close", true),
                                      Entry("connection.blocked", true),
                                      Entry("consumer_cancel_notify", true),
                                      Entry("basic.nack", true), Entry("publisher_confirms", true)};
  amqp_table_entry_t capabilities{};
  capabilities.key = Bytes("capabilities");
  capabilities.value.kind = AMQP_FIELD_KIND_TABLE;
  capabilities.value.value.table = Table(can);
  std::vector<amqp_table_entry_t> about{Entry("product", std::string_view("provisioning")),
                                        Entry("connection_name", name), capabilities};
  std::string response("\0", 1);
  response.append(user).append("\0", 1).append(password);
  return AppendMethod(to, 0, AMQP_CONNECTION_START_OK_METHOD,
                      amqp_connection_start_ok_t{.client_properties = Table(about),
                                                 .mechanism = Bytes("PLAIN"),
                                                 .response = Bytes(response),
                                                 .locale = Bytes("en_US")});
}

Status AppendTuneOk(std::string& to, const Tune& tune) {
  return AppendMethod(to, 0, AMQP_CONNECTION_TUNE_OK_METHOD,
                      amqp_connection_tune_ok_t{.channel_max = tune.channels,
                                                .frame_max = tune.frame_bytes,
                                                .heartbeat = tune.heartbeat_seconds});
}

Status AppendOpen(std::string& to, std::string_view vhost) {
  return AppendMethod(to, 0, AMQP_CONNECTION_OPEN_METHOD,
                      amqp_connection_open_t{.virtual_host = Bytes(vhost)});
}

void AppendClose(std::string& to, ChannelNumber channel) {
  constexpr std::uint16_t kSuccess = AMQP_REPLY_SUCCESS;
  if (channel == 0) {
    AppendFixed(to, 0, AMQP_CONNECTION_CLOSE_METHOD,
                amqp_connection_close_t{.reply_code = kSuccess});
  } else {
    AppendFixed(to, channel, AMQP_CHANNEL_CLOSE_METHOD,
                amqp_channel_close_t{.reply_code = kSuccess});
  }
}

void AppendCloseOk(std::string& to, ChannelNumber channel) {
  if (channel == 0) {
    AppendFixed(to, 0, AMQP_CONNECTION_CLOSE_OK_METHOD, amqp_connection_close_ok_t{});
  } else {
    AppendFixed(to, channel, AMQP_CHANNEL_CLOSE_OK_METHOD, amqp_channel_close_ok_t{});
  }
}

void AppendHeartbeat(std::string& to) { AppendFrame(to, AMQP_FRAME_HEARTBEAT, 0, ""); }

void AppendOpenChannel(std::string& to, ChannelNumber channel) {
  AppendFixed(to, channel, AMQP_CHANNEL_OPEN_METHOD, amqp_channel_open_t{});
}

void AppendConfirmSelect(std::string& to, ChannelNumber channel) {
  AppendFixed(to, channel, AMQP_CONFIRM_SELECT_METHOD, amqp_confirm_select_t{});
}

Status AppendDeclareExchange(std::string& to, ChannelNumber channel, std::string_view name,
                             std::string_view type) {
  return AppendMethod(
      to, channel, AMQP_EXCHANGE_DECLARE_METHOD,
      amqp_exchange_declare_t{.exchange = Bytes(name), .type = Bytes(type), .durable = 1});
}

Status AppendDeclareQueue(std::string& to, ChannelNumber channel, const Queue& queue) {
  std::vector<amqp_table_entry_t> arguments;
  for (const auto& [key, value] : queue.arguments)
    arguments.push_back(std::visit([&](const auto& of) { return Entry(key, of); }, value));
  return AppendMethod(to, channel, AMQP_QUEUE_DECLARE_METHOD,
                      amqp_queue_declare_t{.queue = Bytes(queue.name),
                                           .durable = queue.durable ? 1 : 0,
                                           .exclusive = queue.exclusive ? 1 : 0,
                                           .auto_delete = queue.auto_delete ? 1 : 0,
                                           .arguments = Table(arguments)});
}

Status AppendDeleteQueue(std::string& to, ChannelNumber channel, std::string_view queue) {
  return AppendMethod(to, channel, AMQP_QUEUE_DELETE_METHOD,
                      amqp_queue_delete_t{.queue = Bytes(queue)});
}

Status AppendBind(std::string& to, ChannelNumber channel, std::string_view queue,
                  std::string_view exchange, std::string_view routing_key) {
  return AppendMethod(
      to, channel, AMQP_QUEUE_BIND_METHOD,
      amqp_queue_bind_t{
          .queue = Bytes(queue), .exchange = Bytes(exchange), .routing_key = Bytes(routing_key)});
}

void AppendPrefetch(std::string& to, ChannelNumber channel, std::uint16_t messages) {
  AppendFixed(to, channel, AMQP_BASIC_QOS_METHOD, amqp_basic_qos_t{.prefetch_count = messages});
}

Status AppendConsume(std::string& to, ChannelNumber channel, std::string_view queue,
                     bool acknowledged) {
  return AppendMethod(to, channel, AMQP_BASIC_CONSUME_METHOD,
                      amqp_basic_consume_t{.queue = Bytes(queue), .no_ack = acknowledged ? 0 : 1});
}

void AppendAcknowledge(std::string& to, ChannelNumber channel, std::uint64_t tag, bool multiple) {
  AppendFixed(to, channel, AMQP_BASIC_ACK_METHOD,
              amqp_basic_ack_t{.delivery_tag = tag, .multiple = multiple ? 1 : 0});
}

Status AppendPublish(std::string& to, ChannelNumber channel, const Message& message, bool mandatory,
                     std::uint32_t frame_bytes) {
  std::string frames;
  PROV_CHECK(AppendMethod(frames, channel, AMQP_BASIC_PUBLISH_METHOD,
                          amqp_basic_publish_t{.exchange = Bytes(message.exchange),
                                               .routing_key = Bytes(message.routing_key),
                                               .mandatory = mandatory ? 1 : 0}));
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_DELIVERY_MODE_FLAG;
  properties.delivery_mode =
      message.persistent ? AMQP_DELIVERY_PERSISTENT : AMQP_DELIVERY_NONPERSISTENT;
  if (!message.type.empty()) {
    properties._flags |= AMQP_BASIC_TYPE_FLAG;
    properties.type = Bytes(message.type);
  }
  if (!message.message_id.empty()) {
    properties._flags |= AMQP_BASIC_MESSAGE_ID_FLAG;
    properties.message_id = Bytes(message.message_id);
  }
  if (!message.reply_to.empty()) {
    properties._flags |= AMQP_BASIC_REPLY_TO_FLAG;
    properties.reply_to = Bytes(message.reply_to);
  }
  std::string header;
  AppendNumber(header, AMQP_BASIC_CLASS, 2);
  AppendNumber(header, 0, 2);  // weight
  AppendNumber(header, message.body.size(), 8);
  const auto fixed = header.size();
  header.resize(fixed + kMostMethodBytes);
  const auto size = amqp_encode_properties(AMQP_BASIC_CLASS, &properties,
                                           Bytes(std::string_view(header).substr(fixed)));
  if (size < 0) return Error{ErrorCode::kInvalidArgument, "a name in AMQP has 255 bytes at most"};
  header.resize(fixed + static_cast<std::size_t>(size));
  AppendFrame(frames, AMQP_FRAME_HEADER, channel, header);
  const auto most = frame_bytes - kFrameOverhead;
  for (std::string_view rest = message.body; !rest.empty();) {
    AppendFrame(frames, AMQP_FRAME_BODY, channel, rest.substr(0, most));
    rest.remove_prefix(std::min<std::size_t>(most, rest.size()));
  }
  to += frames;
  return {};
}

}  // namespace prov::amqp
