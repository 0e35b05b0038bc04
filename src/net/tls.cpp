#include <arpa/inet.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/clock.hpp"
#include "net/socket_io.hpp"

namespace prov::net {

namespace asio = boost::asio;

struct TlsContext::Native {
  explicit Native(SSL_CTX* made) : context(made) {}
  Native(const Native&) = delete;
  ~Native() { SSL_CTX_free(context); }
  SSL_CTX* context;
};

namespace {

std::string OpensslReason() {
  std::string reason;
  while (const auto code = ERR_get_error()) {
    const char* text = ERR_reason_error_string(code);
    if (reason.empty()) reason = text != nullptr ? text : "unknown reason";
  }
  return reason.empty() ? "unknown reason" : reason;
}

// What a server says of this side's certificate: TLS 1.3 does so after the client's handshake.
const char* CertificateRefused() {
  switch (ERR_GET_REASON(ERR_peek_error())) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
      return "the server wants a client certificate; name one, and its key";
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return "the server refused the client certificate; name one that its CA has issued";
    default:
      return nullptr;
  }
}

class TlsIo final : public SocketIo {
 public:
  TlsIo(asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> context, std::string host)
      : SocketIo(std::move(socket)),
        context_(std::move(context)),
        host_(std::move(host)),
        ssl_(SSL_new(context_->native().context)) {
    SSL_set_fd(ssl_, fd());
    host_.empty() ? SSL_set_accept_state(ssl_) : SSL_set_connect_state(ssl_);
  }
  ~TlsIo() override { SSL_free(ssl_); }

  Status ExpectHost() {
    in6_addr address;
    const bool is_address = inet_pton(AF_INET, host_.c_str(), &address) == 1 ||
                            inet_pton(AF_INET6, host_.c_str(), &address) == 1;
    auto* parameters = SSL_get0_param(ssl_);
    const int good = is_address ? X509_VERIFY_PARAM_set1_ip_asc(parameters, host_.c_str())
                                : SSL_set1_host(ssl_, host_.c_str());
    if (good != 1 || (!is_address && SSL_set_tlsext_host_name(ssl_, host_.c_str()) != 1)) {
      return Error{ErrorCode::kInvalidArgument, "\"" + host_ + "\" cannot be a TLS host name"};
    }
    return {};
  }

  void ShutdownWrite() override {
    ERR_clear_error();
    if (!closed_ && SSL_is_init_finished(ssl_)) SSL_shutdown(ssl_);
    SocketIo::ShutdownWrite();
  }

 protected:
  Step ReadStep(std::span<char> into) override {
    ERR_clear_error();
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_, into.data(), into.size(), &got);
    return result == 1 ? Step{Outcome::kDone, got, {}} : Unfinished(result, "reading over TLS");
  }
  Step WriteStep(std::string_view bytes) override {
    ERR_clear_error();
    std::size_t sent = 0;
    const int result = SSL_write_ex(ssl_, bytes.data(), bytes.size(), &sent);
    return result == 1 ? Step{Outcome::kDone, sent, {}} : Unfinished(result, "writing over TLS");
  }
  Step HandshakeStep() override {
    ERR_clear_error();
    const int result = SSL_do_handshake(ssl_);
    if (result == 1) return {};
    auto step = Unfinished(result, "the TLS handshake");
    if (step.outcome == Outcome::kDone) {
      return {Outcome::kFailed,
              0,
              {ErrorCode::kUnavailable, "the peer closed the connection in the TLS handshake"}};
    }
    const auto verified = SSL_get_verify_result(ssl_);
    if (step.outcome == Outcome::kFailed && !host_.empty() && verified != X509_V_OK) {
      step.error = VerifyError(verified);
    }
    return step;
  }

 private:
  Error VerifyError(long verified) const {
    if (verified == X509_V_ERR_HOSTNAME_MISMATCH || verified == X509_V_ERR_IP_ADDRESS_MISMATCH) {
      return {ErrorCode::kPermissionDenied,
              "the server's certificate is not for \"" + host_ +
                  "\"; use the name that is in the certificate, or a certificate for this name"};
    }
    return {ErrorCode::kPermissionDenied, "the certificate of \"" + host_ + "\" is not trusted: " +
                                              X509_verify_cert_error_string(verified) +
                                              "; name the CA certificate that issued it"};
  }

  Step Unfinished(int result, const char* doing) {
    const int number = errno;
    switch (SSL_get_error(ssl_, result)) {
      case SSL_ERROR_WANT_READ:
        return {Outcome::kWantRead, 0, {}};
      case SSL_ERROR_WANT_WRITE:
        return {Outcome::kWantWrite, 0, {}};
      case SSL_ERROR_ZERO_RETURN:
        return {Outcome::kDone, 0, {}};
      case SSL_ERROR_SYSCALL: {
        auto error = ErrnoError(doing, number);
        error.code = ErrorCode::kUnavailable;
        return {Outcome::kFailed, 0, std::move(error)};
      }
      default:
        if (const auto* why = CertificateRefused(); why != nullptr && !host_.empty())
          return {Outcome::kFailed, 0, {ErrorCode::kUnauthenticated, why}};
        // An end without close_notify is an error here: the peer's data may have been cut.
        return {Outcome::kFailed, 0, {ErrorCode::kUnavailable, doing + (": " + OpensslReason())}};
    }
  }

  std::shared_ptr<TlsContext> context_;
  std::string host_;  // "" on the server's side
  SSL* ssl_;
};

SSL_CTX* NewContext(const SSL_METHOD* method) {
  auto* context = SSL_CTX_new(method);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // A write may be tried again from another address; idle connections give their buffers back.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
  return context;
}

Status UseCertificate(SSL_CTX* context, const Path& certificate, const Path& key) {
  if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "cannot use the TLS certificate " + certificate.string() + ": " + OpensslReason()};
  }
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(context) != 1) {
    return Error{ErrorCode::kInvalidArgument, "cannot use the TLS key " + key.string() + " with " +
                                                  certificate.string() + ": " + OpensslReason()};
  }
  return {};
}

}  // namespace

TlsContext::TlsContext(std::unique_ptr<Native> native) : native_(std::move(native)) {}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<TlsContext>> TlsContext::ForServer(const Path& certificate,
                                                          const Path& key) {
  ERR_clear_error();
  auto native = std::make_unique<Native>(NewContext(TLS_server_method()));
  PROV_CHECK(UseCertificate(native->context, certificate, key));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(native)));
}

Result<std::shared_ptr<TlsContext>> TlsContext::ForClient(const Path& ca_file,
                                                          const Path& certificate,
                                                          const Path& key) {
  ERR_clear_error();
  auto native = std::make_unique<Native>(NewContext(TLS_client_method()));
  if (SSL_CTX_load_verify_locations(native->context, ca_file.c_str(), nullptr) != 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "cannot read CA certificates from " + ca_file.string() + ": " + OpensslReason()};
  }
  SSL_CTX_set_verify(native->context, SSL_VERIFY_PEER, nullptr);
  if (!certificate.empty()) PROV_CHECK(UseCertificate(native->context, certificate, key));
  return std::shared_ptr<TlsContext>(new TlsContext(std::move(native)));
}

std::unique_ptr<Io> MakeTlsServerIo(asio::ip::tcp::socket socket,
                                    std::shared_ptr<TlsContext> context) {
  return std::make_unique<TlsIo>(std::move(socket), std::move(context), "");
}

Result<std::unique_ptr<Io>> MakeTlsClientIo(asio::ip::tcp::socket socket,
                                            std::shared_ptr<TlsContext> context,
                                            const std::string& host) {
  auto io = std::make_unique<TlsIo>(std::move(socket), std::move(context), host);
  PROV_CHECK(io->ExpectHost());
  return std::unique_ptr<Io>(std::move(io));
}

}  // namespace prov::net
