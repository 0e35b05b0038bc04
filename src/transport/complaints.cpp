#include "transport/complaints.hpp"

#include <utility>

namespace prov::transport {

Complaints::Complaints(Logger& logger, std::string_view event, std::string_view server,
                       std::string address)
    : logger_(logger), event_(event), server_(server), address_(std::move(address)) {}

void Complaints::Say(std::string_view doing, const Error& error) {
  auto why = error.ToString();
  auto& said = said_[std::string(doing)];
  if (why == said) return;
  logger_.Warning(event_, {{server_, address_}, {"doing", doing}, {"reason", why}});
  said = std::move(why);
}

void Complaints::Forget(std::string_view doing) {
  if (const auto found = said_.find(doing); found != said_.end()) said_.erase(found);
}

void Complaints::Connected(std::string_view event) {
  said_.clear();
  logger_.Info(event, {{server_, address_}});
}

}  // namespace prov::transport
