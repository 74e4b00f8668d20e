#pragma once

#include "core/error.hpp"

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace roachpin::core {

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (DER), as HPKP defined it (RFC 7469
/// section 2.4): the key's identity, which survives a reissue of the certificate.
class spki_pin {
public:
    static constexpr std::size_t size = 32;

    /// 44 characters of base64, as `openssl dgst -sha256 -binary | base64` prints them.
    static result<spki_pin> parse(std::string_view base64);

    explicit spki_pin(const std::array<std::uint8_t, size>& digest) : digest_(digest) {}

    std::string to_base64() const;

    friend auto operator<=>(const spki_pin&, const spki_pin&) = default;

private:
    std::array<std::uint8_t, size> digest_;
};

} // namespace roachpin::core
