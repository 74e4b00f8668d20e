#include "core/spki_pin.hpp"

namespace roachpin::core {
namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 32 octets are 43 digits and one '='; the last digit carries 4 bits of data and 2 that are zero.
constexpr std::size_t digits = 43;

} // namespace

result<spki_pin> spki_pin::parse(std::string_view base64) {
    const error malformed{"\"" + std::string(base64) +
                          "\" is not a SHA-256 in base64 (44 characters ending in \"=\"); take it "
                          "from `openssl x509 -in node.crt -pubkey -noout | openssl pkey -pubin "
                          "-outform der | openssl dgst -sha256 -binary | base64`"};
    if (base64.size() != digits + 1 || base64.back() != '=') {
        return malformed;
    }
    std::array<std::uint8_t, size> digest{};
    std::uint32_t bits = 0;
    unsigned held = 0;
    std::size_t filled = 0;
    for (const char digit : base64.substr(0, digits)) {
        const auto value = alphabet.find(digit);
        if (value == std::string_view::npos) {
            return malformed;
        }
        bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
        held += 6;
        if (held >= 8) {
            held -= 8;
            digest[filled++] = static_cast<std::uint8_t>(bits >> held);
        }
    }
    if ((bits & 3U) != 0) {
        return malformed;
    }
    return spki_pin(digest);
}

std::string spki_pin::to_base64() const {
    std::string text;
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const auto octet : digest_) {
        bits = (bits << 8 | octet) & 0xffffff;
        held += 8;
        while (held >= 6) {
            held -= 6;
            text += alphabet[bits >> held & 0x3f];
        }
    }
    text += alphabet[bits << (6 - held) & 0x3f];
    return text + "=";
}

} // namespace roachpin::core
