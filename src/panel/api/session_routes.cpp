// The session of a person: /api/session, /api/sessions, the password and the preferences.
#include "base/json.hpp"
#include "net/json_body.hpp"
#include "panel/api/preferences.hpp"
#include "panel/api/routes.hpp"
#include "panel/api/views.hpp"
#include "panel/auth/authenticator.hpp"
#include "panel/auth/session_cookie.hpp"

namespace prov::panel {
namespace {

namespace asio = boost::asio;
using net::Request;
using net::Response;

struct SignInBody {
  std::string name;
  std::string password;
};
BOOST_DESCRIBE_STRUCT(SignInBody, (), (name, password))

struct PasswordBody {
  std::string current_password;
  std::string new_password;
};
BOOST_DESCRIBE_STRUCT(PasswordBody, (), (current_password, new_password))

struct Who {
  store::Session session;
  store::User user;
};

asio::awaitable<Result<Who>> Find(StoreGate& store, std::string session) {
  co_return co_await store.Read([session](store::Transaction& t) -> Result<Who> {
    Who who;
    PROV_TRY(who.session, t.sessions().Find(session));
    PROV_TRY(who.user, t.users().Get(who.session.user_id));
    return who;
  });
}

// Between the look at the cookie and this one it may have ended.
Response Over(const Error& error) {
  if (error.code == ErrorCode::kNotFound)
    return net::MakeProblem(401, "unauthenticated", "the session is over: sign in again");
  return net::MakeProblem(net::ToProblem(error));
}

asio::awaitable<Response> Enter(SignIn& sign_in, const KeyRing& keys, bool secure,
                                Request request) {
  auto body = net::ReadJsonBody<SignInBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  auto& given = std::get<SignInBody>(body);
  const auto entered = co_await sign_in.Enter(
      {std::move(given.name), std::move(given.password), request.peer, CallerOf(request).session});
  if (const auto* problem = std::get_if<net::Problem>(&entered))
    co_return net::MakeProblem(*problem);
  const auto& [user, session, token] = std::get<SignedIn>(entered);
  auto response = net::MakeJson(SessionJson(user, session, keys));
  response.headers.Set("Set-Cookie", SessionCookie(token, secure));
  co_return response;
}

asio::awaitable<Response> Show(StoreGate& store, const KeyRing& keys, Request request) {
  const auto who = co_await Find(store, CallerOf(request).session);
  if (!who) co_return Over(who.error());
  co_return net::MakeJson(SessionJson(who->user, who->session, keys));
}

asio::awaitable<Response> Leave(SignIn& sign_in, bool secure, bool everywhere, Request request) {
  const auto left = co_await sign_in.Leave(CallerOf(request).session, everywhere);
  if (!left) co_return Over(left.error());
  Response response{.status = 204};
  response.headers.Set("Set-Cookie", SessionCookie("", secure));
  co_return response;
}

asio::awaitable<Response> ChangePassword(SignIn& sign_in, Request request) {
  auto body = net::ReadJsonBody<PasswordBody>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  auto& given = std::get<PasswordBody>(body);
  const auto changed =
      co_await sign_in.ChangePassword({CallerOf(request).session, std::move(given.current_password),
                                       std::move(given.new_password), request.peer});
  if (const auto* problem = std::get_if<net::Problem>(&changed))
    co_return net::MakeProblem(*problem);
  co_return Response{.status = 204};
}

asio::awaitable<Response> ShowPreferences(StoreGate& store, Request request) {
  const auto who = co_await Find(store, CallerOf(request).session);
  if (!who) co_return Over(who.error());
  co_return net::MakeJson(json::ToValue(ReadPreferences(who->user.preferences)));
}

asio::awaitable<Response> KeepPreferences(StoreGate& store, Request request) {
  auto body = net::ReadJsonBody<Preferences>(request);
  if (auto* refusal = std::get_if<Response>(&body)) co_return std::move(*refusal);
  const auto& given = std::get<Preferences>(body);
  if (auto faults = CheckPreferences(given); !faults.empty())
    co_return InvalidInput(std::move(faults));
  const auto session = CallerOf(request).session;
  const auto kept =
      co_await store.Write([session, text = json::Write(given)](store::Transaction& t) -> Status {
        PROV_TRY(const auto row, t.sessions().Find(session));
        PROV_TRY(auto user, t.users().Get(row.user_id));
        user.preferences = text;
        return t.users().Update(user);
      });
  if (!kept) co_return Over(kept.error());
  co_return net::MakeJson(json::ToValue(given));
}

}  // namespace

void AddSessionRoutes(net::Router& router, const ApiDependencies& dependencies) {
  auto& store = dependencies.store;
  auto& sign_in = dependencies.sign_in;
  const auto& keys = dependencies.keys;
  const bool secure = dependencies.secure;
  const std::string person(kScopePerson);
  router.Add({"POST",
              "/api/session",
              std::string(net::kOpenScope),
              {},
              [&sign_in, &keys, secure](Request request) {
                return Enter(sign_in, keys, secure, std::move(request));
              }});
  router.Add({"GET", "/api/session", person, {}, [&store, &keys](Request request) {
                return Show(store, keys, std::move(request));
              }});
  for (const bool everywhere : {false, true}) {
    router.Add({"DELETE",
                everywhere ? "/api/sessions" : "/api/session",
                person,
                {},
                [&sign_in, secure, everywhere](Request request) {
                  return Leave(sign_in, secure, everywhere, std::move(request));
                }});
  }
  router.Add({"POST", "/api/session/password", person, {}, [&sign_in](Request request) {
                return ChangePassword(sign_in, std::move(request));
              }});
  router.Add({"GET", "/api/session/preferences", person, {}, [&store](Request request) {
                return ShowPreferences(store, std::move(request));
              }});
  router.Add({"PUT", "/api/session/preferences", person, {}, [&store](Request request) {
                return KeepPreferences(store, std::move(request));
              }});
}

}  // namespace prov::panel
