#include "panel/auth/sign_in.hpp"

#include <fmt/format.h>

#include "panel/auth/api_tokens.hpp"
#include "panel/auth/session_cookie.hpp"
#include "panel/auth/sign_in_limits.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;

net::Problem TooMany(Seconds wait) {
  net::Problem problem{.status = 429,
                       .code = "too_many_attempts",
                       .detail = fmt::format("too many attempts; try again in {} s", wait.count())};
  problem.retry_after = static_cast<int>(wait.count());
  return problem;
}

net::Problem Overloaded(const Error& error) {
  auto problem = net::ToProblem(error);
  if (problem.status == 429) {
    problem.detail = "too many people sign in right now; try again in a few seconds";
    problem.retry_after = 2;
  }
  return problem;
}

net::Problem WrongField(net::FieldError fault) {
  return {.status = 422,
          .code = "invalid_input",
          .detail = "the password was not changed",
          .errors = {std::move(fault)}};
}

store::AuditEvent Event(WallTime at, const std::string& by, const char* action,
                        const std::string& subject, const std::string& address) {
  return {at, by, action, subject, {{"address", address}}};
}

Result<std::optional<store::User>> FindUser(store::Transaction& t, const std::string& name) {
  auto user = t.users().FindByName(name);
  if (user) return std::optional(std::move(*user));
  if (user.error().code == ErrorCode::kNotFound) return std::optional<store::User>();
  return user.error();
}

// What was true when the password was looked at may not be any more.
Status Open(store::Transaction& t, const store::User& seen, const store::Session& session,
            const Credentials& credentials) {
  const auto found = t.users().Get(seen.id);
  if (!found && found.error().code != ErrorCode::kNotFound) return found.error();
  if (!found || found->disabled || found->password_hash != seen.password_hash)
    return Error{ErrorCode::kUnauthenticated, "the account was changed meanwhile", {}};
  const auto& user = *found;
  const auto now = session.created_at;
  PROV_CHECK(SignInLimits(t.attempts(), now).Succeeded(user.name, credentials.address));
  PROV_CHECK(t.sessions().RemoveExpired(now, now - kSessionIdle));
  if (!credentials.old_session.empty()) PROV_CHECK(t.sessions().Remove(credentials.old_session));
  PROV_CHECK(t.sessions().Insert(session));
  PROV_CHECK(t.users().Seen(user.id, now));
  PROV_CHECK(t.audit().Append(
      Event(now, user.name, "session.created", user.id.ToString(), credentials.address)));
  return {};
}

}  // namespace

// Whether the password is the hash's. Counted by the limits, and taken back where nothing could be
// said of it.
asio::awaitable<OrProblem<bool>> SignIn::Try(std::string account, std::string address,
                                             std::string hash, std::string password) {
  const auto wait =
      co_await store_.Write([account, address, now = clock_.Now()](store::Transaction& t) {
        return SignInLimits(t.attempts(), now).Begin(account, address);
      });
  if (!wait) co_return net::ToProblem(wait.error());
  if (*wait) co_return TooMany(**wait);
  const auto fits = co_await passwords_.Verify(std::move(hash), std::move(password));
  if (!fits) {
    co_await TakeBack(account, address);
    co_return Overloaded(fits.error());
  }
  co_return *fits;
}

// Where the store is away, the attempt stays counted.
asio::awaitable<void> SignIn::TakeBack(std::string account, std::string address) {
  (void)co_await store_.Write([account, address, now = clock_.Now()](store::Transaction& t) {
    return SignInLimits(t.attempts(), now).TakeBack(account, address);
  });
}

// Only reads, so that who tries without end costs no commit.
asio::awaitable<Result<SignIn::Account>> SignIn::Find(std::string account, std::string address) {
  co_return co_await store_.Read(
      [account, address, now = clock_.Now()](store::Transaction& t) -> Result<Account> {
        Account found;
        PROV_TRY(found.wait, SignInLimits(t.attempts(), now).Wait(account, address));
        PROV_TRY(found.user, FindUser(t, account));
        return found;
      });
}

// For a name that nobody has, too: what is done for one name is done for each.
asio::awaitable<net::Problem> SignIn::Refuse(std::optional<store::User> user, std::string address) {
  logger_.Warning("sign_in_refused", {{"peer", address}});
  auto event = Event(clock_.Now(), "nobody", "session.refused",
                     user ? user->id.ToString() : std::string("unknown"), address);
  if (user) event.detail["name"] = user->name;
  const auto kept = co_await store_.Write([event](store::Transaction& t) -> Status {
    PROV_CHECK(t.audit().Append(event));
    return {};
  });
  if (!kept) co_return net::ToProblem(kept.error());
  co_return net::Problem{
      .status = 401, .code = "invalid_credentials", .detail = "name or password is not right"};
}

asio::awaitable<OrProblem<SignedIn>> SignIn::Enter(Credentials credentials) {
  const auto typed = UserNameOf(credentials.name);
  // What cannot be a name is nobody's, and is not kept: it may be a password in the wrong field.
  const auto account = IsUserName(typed) ? typed : std::string();
  const auto found = co_await Find(account, credentials.address);
  if (!found) co_return net::ToProblem(found.error());
  if (found->wait) co_return TooMany(*found->wait);
  const auto& user = found->user;
  auto fits = co_await Try(account, credentials.address, user ? user->password_hash : nobody_,
                           credentials.password);
  if (auto* problem = std::get_if<net::Problem>(&fits)) co_return std::move(*problem);
  if (!user || !std::get<bool>(fits) || user->disabled)
    co_return co_await Refuse(user, credentials.address);
  SignedIn signed_in{*user, {}, MakeSessionToken(random_)};
  const auto now = clock_.Now();
  signed_in.session = {HashOfToken(signed_in.token), signed_in.user.id, now, now,
                       now + kSessionLife};
  const auto opened = co_await store_.Write([signed_in, credentials](store::Transaction& t) {
    return Open(t, signed_in.user, signed_in.session, credentials);
  });
  if (opened) co_return signed_in;
  if (opened.error().code == ErrorCode::kUnauthenticated)
    co_return co_await Refuse(user, credentials.address);
  co_return net::ToProblem(opened.error());
}

asio::awaitable<OrProblem<store::User>> SignIn::ChangePassword(PasswordChange change) {
  const auto found = co_await store_.Read(
      [session = change.session](store::Transaction& t) -> Result<store::User> {
        PROV_TRY(const auto row, t.sessions().Find(session));
        return t.users().Get(row.user_id);
      });
  if (!found) co_return net::ToProblem(found.error());
  const auto user = *found;
  if (auto fault = CheckNewPassword("/new_password", change.new_password, user.name))
    co_return WrongField(std::move(*fault));
  auto fits = co_await Try(user.name, change.address, user.password_hash, change.current_password);
  if (auto* problem = std::get_if<net::Problem>(&fits)) co_return std::move(*problem);
  if (!std::get<bool>(fits))
    co_return WrongField({"/current_password", "wrong", "is not the password"});
  const auto hash = co_await passwords_.Hash(change.new_password);
  if (!hash) {
    co_await TakeBack(user.name, change.address);
    co_return Overloaded(hash.error());
  }
  const Change by{user.name, clock_.Now()};
  const auto changed =
      co_await store_.Write([user, hash = *hash, change, by](store::Transaction& t) -> Status {
        PROV_TRY(const auto now, t.users().Get(user.id));
        if (now.password_hash != user.password_hash)
          return Error{ErrorCode::kConflict, "the password was changed meanwhile", {}};
        PROV_CHECK(SignInLimits(t.attempts(), by.at).Succeeded(user.name, change.address));
        return SetPassword(t, user.id, hash, change.session, by);
      });
  if (!changed) co_return net::ToProblem(changed.error());
  co_return user;
}

asio::awaitable<Status> SignIn::Leave(std::string session, bool everywhere) {
  const auto now = clock_.Now();
  co_return co_await store_.Write([session, everywhere, now](store::Transaction& t) -> Status {
    PROV_TRY(const auto row, t.sessions().Find(session));
    PROV_TRY(const auto user, t.users().Get(row.user_id));
    if (everywhere)
      PROV_CHECK(t.sessions().RemoveOf(user.id, ""));
    else
      PROV_CHECK(t.sessions().Remove(session));
    PROV_CHECK(t.audit().Append({now,
                                 user.name,
                                 everywhere ? "session.all_ended" : "session.ended",
                                 user.id.ToString(),
                                 {}}));
    return {};
  });
}

}  // namespace prov::panel
