#include "redis/blocking_client.hpp"

namespace prov::redis {

namespace asio = boost::asio;

asio::awaitable<Result<Value>> BlockingClient::Call(Command command, Millis blocks) {
  if (calling_) {
    co_return Error{ErrorCode::kConflict,
                    "a command waits on this connection already; give each a BlockingClient"};
  }
  struct Turn {
    explicit Turn(bool& taken) : taken_(taken) { taken_ = true; }
    Turn(const Turn&) = delete;
    ~Turn() { taken_ = false; }
    bool& taken_;
  } const turn(calling_);
  if (connection_ && connection_->broken()) connection_.reset();
  if (!connection_) {
    PROV_CO_TRY(connection_, co_await connector_.Connect());
  }
  auto reply = co_await connection_->Call(std::move(command), blocks + grace_);
  if (connection_->broken()) connector_.AskAnother();
  co_return reply;
}

void BlockingClient::Close() {
  if (connection_) connection_->Close(ErrorCode::kCanceled);
}

}  // namespace prov::redis
