#include "store/tokens.hpp"

namespace prov::store {

Status CheckEnrolment(const EnrolmentToken& token, const std::string& agent_id, WallTime now) {
  if (token.agent_id != agent_id) {
    return Error{ErrorCode::kConflict, "the enrolment token is for another agent."};
  }
  if (token.used_at) return Error{ErrorCode::kConflict, "the enrolment token was used already."};
  if (token.expires_at <= now) {
    return Error{ErrorCode::kConflict, "the enrolment token has expired."};
  }
  return {};
}

}  // namespace prov::store
