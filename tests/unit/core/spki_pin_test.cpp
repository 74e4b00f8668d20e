#include "core/spki_pin.hpp"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

namespace roachpin {
namespace {

using namespace std::string_view_literals;
using core::spki_pin;
using digest = std::array<std::uint8_t, spki_pin::size>;

/// The digest of support_test's certificate, as openssl prints it.
constexpr auto real = "rHyAlIMyirwm8BsDY/3/WkSHaBNzNA0azwOVAmcdCOQ="sv;

TEST(core_spki_pin, known_digests_are_written_as_base64_writes_them) {
    digest zeros{};
    digest ones{};
    ones.fill(0xff);
    digest counting{};
    for (std::size_t i = 0; i < counting.size(); ++i) {
        counting[i] = static_cast<std::uint8_t>(i);
    }
    EXPECT_EQ(spki_pin(zeros).to_base64(), std::string(43, 'A') + "=");
    EXPECT_EQ(spki_pin(ones).to_base64(), std::string(42, '/') + "8=");
    EXPECT_EQ(spki_pin(counting).to_base64(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
}

TEST(core_spki_pin, what_is_read_is_what_was_written) {
    EXPECT_EQ(spki_pin::parse(real).value().to_base64(), real);
    std::mt19937 random(20261122); // NOLINT(cert-msc51-cpp): the same numbers in each run
    for (int i = 0; i < 1000; ++i) {
        digest octets{};
        for (auto& octet : octets) {
            octet = static_cast<std::uint8_t>(random());
        }
        const spki_pin pin(octets);
        EXPECT_EQ(spki_pin::parse(pin.to_base64()).value(), pin);
    }
}

TEST(core_spki_pin, pins_of_different_keys_differ) {
    EXPECT_NE(spki_pin::parse(real).value(), spki_pin(digest{}));
}

TEST(core_spki_pin, other_texts_are_refused) {
    struct row {
        const char* name;
        std::string text;
    };

    const std::string good(real);
    for (const auto& [name, text] : {
             row{"empty", ""},
             row{"the padding left out", good.substr(0, 43)},
             row{"padding twice", good.substr(0, 42) + "=="},
             row{"padding alone", std::string(44, '=')},
             row{"padding in front", "=" + good.substr(0, 43)},
             row{"no padding, one digit more", good.substr(0, 43) + "A"},
             row{"one digit less", good.substr(1)},
             row{"one digit more", "A" + good},
             row{"blank in front", " " + good},
             row{"a line's end behind", good + "\n"},
             row{"a line's end instead of the padding", good.substr(0, 43) + "\n"},
             row{"a NUL behind", good + '\0'},
             row{"HPKP's prefix", "sha256/" + good},
             row{"hexadecimal", std::string(64, 'a')},
             row{"a digest of 31 octets", std::string(42, 'A') + "=="},
             row{"a digest of 33 octets", std::string(44, 'A')},
             row{"a SHA-1", std::string(27, 'A') + "="},
         }) {
        const auto parsed = spki_pin::parse(text);
        ASSERT_FALSE(parsed) << name;
        EXPECT_NE(parsed.error().sentence.find("openssl x509"), std::string::npos) << name;
    }
}

TEST(core_spki_pin, a_wrong_digit_is_refused_wherever_it_is) {
    for (std::size_t at = 0; at < 43; ++at) {
        for (const char wrong : {'-', '_', ' ', '=', '\n', '\0', '.', '\x7f', '\xc3'}) {
            std::string text(real);
            text[at] = wrong;
            EXPECT_FALSE(spki_pin::parse(text)) << at << ", " << static_cast<int>(wrong);
        }
    }
}

/// The last digit carries 4 bits of the digest: one pin must not have four spellings, or a deny
/// list compared as text would miss three.
TEST(core_spki_pin, bits_in_the_padding_are_refused) {
    int accepted = 0;
    for (const char last : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"sv) {
        std::string text(real);
        text[42] = last;
        if (const auto parsed = spki_pin::parse(text)) {
            ++accepted;
            EXPECT_EQ(parsed->to_base64(), text);
        }
    }
    EXPECT_EQ(accepted, 16);
}

} // namespace
} // namespace roachpin
