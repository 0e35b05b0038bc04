#include "agent/sealing.hpp"

#include <string>

#include <boost/describe.hpp>

#include "agent/key_files.hpp"
#include "base/encoding.hpp"
#include "base/json.hpp"

namespace prov::agent {
namespace {

struct PreviousSealingFile {
  std::string key;
  std::optional<WallTime> out_since;
};
BOOST_DESCRIBE_STRUCT(PreviousSealingFile, (), (key, out_since))

struct SealingFile {
  std::uint32_t v = 1;
  std::string key;  // the private key, base64
  std::optional<PreviousSealingFile> previous;
};
BOOST_DESCRIBE_STRUCT(SealingFile, (), (v, key, previous))

Path SealingPath(const exec::StatePaths& state) { return state.root / "sealing-key"; }

Result<signing::SealingKeys> KeysFrom(const Path& path, std::string_view base64) {
  PROV_TRY(auto key, KeyFrom(path, base64));
  return signing::SealingKeysFrom(std::move(key));
}

std::string Encoded(const signing::SealingKeys& keys) {
  return Base64Encode(keys.private_key.view());
}

signing::SealingKeys CloneOf(const signing::SealingKeys& keys) {
  return {keys.public_key, keys.private_key.Clone()};
}

}  // namespace

Sealing CloneOf(const Sealing& sealing) {
  Sealing clone{CloneOf(sealing.present), std::nullopt};
  if (const auto& previous = sealing.previous)
    clone.previous = PreviousSealing{CloneOf(previous->keys), previous->out_since};
  return clone;
}

Result<Sealing> ReadSealing(const exec::StatePaths& state) {
  const auto path = SealingPath(state);
  PROV_TRY(auto read, ReadKeyFile(path));
  const signing::SecretBytes text(std::move(read));
  Sealing sealing;
  // As earlier versions wrote it: the key alone.
  if (!text.view().starts_with('{')) {
    auto key = text.view();
    if (key.ends_with('\n')) key.remove_suffix(1);
    PROV_TRY(sealing.present, KeysFrom(path, key));
    return sealing;
  }
  const auto file = json::Parse<SealingFile>(text.view());
  if (!file) return NotOurs(path, "JSON of another form");
  if (file->v != 1) return NotOurs(path, "/v: must be 1");
  PROV_TRY(sealing.present, KeysFrom(path, file->key));
  if (const auto& previous = file->previous) {
    PROV_TRY(auto keys, KeysFrom(path, previous->key));
    sealing.previous = PreviousSealing{std::move(keys), previous->out_since};
  }
  return sealing;
}

Status WriteSealing(const exec::StatePaths& state, const Sealing& sealing) {
  SealingFile file;
  file.key = Encoded(sealing.present);
  if (const auto& previous = sealing.previous)
    file.previous = PreviousSealingFile{Encoded(previous->keys), previous->out_since};
  const signing::SecretBytes text(json::Write(file) + "\n");
  return WriteFileAtomically(SealingPath(state), text.view(), 0600);
}

Result<Sealing> EnsureSealing(const exec::StatePaths& state) {
  auto stored = ReadSealing(state);
  if (stored || stored.error().code != ErrorCode::kNotFound) return stored;
  Sealing made{signing::MakeSealingKeys(), std::nullopt};
  PROV_CHECK(WriteSealing(state, made));
  return made;
}

Result<Sealing> RotateSealing(const exec::StatePaths& state) {
  PROV_TRY(auto sealing, ReadSealing(state));
  if (const auto& previous = sealing.previous) {
    const std::string until =
        previous->out_since
            ? "until " + FormatTime(*previous->out_since + kSealedComesWithin) +
                  ", or longer where a job that was sealed to it is not over then"
            : "because the panel is not known yet to use the one that followed it: the agent must "
              "run, and reach it";
    return Error{ErrorCode::kConflict,
                 "the sealing key was rotated before, and the key before is still kept, " + until,
                 {}};
  }
  Sealing next{signing::MakeSealingKeys(),
               PreviousSealing{std::move(sealing.present), std::nullopt}};
  PROV_CHECK(WriteSealing(state, next));
  return next;
}

Result<signing::SecretBytes> Unseal(const Sealing& sealing, const Uuid& job, std::string_view input,
                                    std::string_view sealed) {
  auto opened = signing::Unseal(sealing.present, job, input, sealed);
  if (opened || !sealing.previous) return opened;
  auto earlier = signing::Unseal(sealing.previous->keys, job, input, sealed);
  if (earlier) return earlier;
  return opened;
}

}  // namespace prov::agent
