#include "store/transfer/transfer.hpp"

#include "store/sql/aggregates.hpp"
#include "store/transfer/backup_file.hpp"
#include "store/transfer/endpoint.hpp"

namespace prov::store::transfer {

Result<std::vector<Digest>> Move(const Url& from, const Url& to, const Progress& progress) {
  PROV_TRY(const auto source, OpenSource(from, Sharing::kAlone));
  PROV_TRY(const auto target, OpenTarget(to));
  PROV_TRY(auto copied, CopyAll(*source, *target, progress));
  PROV_CHECK(target->Commit());
  return copied;
}

Result<std::vector<Digest>> Backup(const Url& from, const Path& file, const Progress& progress) {
  PROV_TRY(const auto source, OpenSource(from, Sharing::kWithPanels));
  PROV_TRY(auto backup, BackupFile::Create(file));
  PROV_TRY(auto copied, CopyAll(*source, backup.connection(), progress));
  PROV_CHECK(backup.Publish(copied));
  return copied;
}

Result<std::vector<Digest>> Restore(const Path& file, const Url& to, const Path& scratch,
                                    const AuditEvent& event, const Progress& progress) {
  PROV_TRY(auto backup, BackupFile::OpenCopy(file, scratch));
  PROV_TRY(const auto target, OpenTarget(to));
  PROV_TRY(auto copied, CopyAll(backup.connection(), *target, progress));
  PROV_CHECK(sql::SqlAudit(*target).Append(event));
  PROV_CHECK(target->Commit());
  return copied;
}

}  // namespace prov::store::transfer
