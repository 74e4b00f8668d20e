#pragma once

#include "core/ip_address.hpp"
#include "tls/credentials.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace roachpin::tls {

/// A self-signed certificate for localhost, 127.0.0.1, ::1 and `also`, with a fresh P-256 key that
/// exists in memory alone. Valid from an hour before `now` (clocks differ) for ten years: it lives
/// no longer than the process.
key_pair make_local_certificate(const std::optional<core::ip_address>& also,
                                std::chrono::system_clock::time_point now);

/// The certificate as an application's `sslrootcert` wants it.
std::string to_pem(const X509& certificate);

} // namespace roachpin::tls
