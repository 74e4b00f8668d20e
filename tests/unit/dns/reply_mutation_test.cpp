#include "dns/answer.hpp"
#include "unit/dns/replies.hpp"

#include <gtest/gtest.h>

#include <random>

namespace roachpin {
namespace {

/// Whether some record of `octets` has the address as its data, and of its data nothing else: its
/// type, IN, any TTL, the length, then the address.
bool is_written_in(const std::string& octets, const core::ip_address& address) {
    const auto type = address.is_v4() ? test::dns_type::a : test::dns_type::aaaa;
    const std::size_t size = address.is_v4() ? 4 : 16;
    const auto head = test::dns_uint16(type) + test::dns_uint16(1);
    const auto data = test::dns_uint16(static_cast<unsigned>(size)) +
                      std::string(core::as_text(core::bytes_view(address.octets()).first(size)));
    for (auto at = octets.find(head); at != std::string::npos; at = octets.find(head, at + 1)) {
        if (octets.compare(std::min(at + 8, octets.size()), data.size(), data) == 0) {
            return true;
        }
    }
    return false;
}

/// Whatever was done to a reply: it is refused in a printable sentence, or what it says is in it.
void expect_an_honest_answer(const std::string& octets, const dns::query& sent) {
    const auto received = dns::parse_reply(core::as_bytes(octets), sent);
    const auto said = received ? dns::read_answer(*received, sent.asked) : received.error();
    if (!said) {
        ASSERT_FALSE(said.error().sentence.empty());
        for (const char c : said.error().sentence) {
            ASSERT_TRUE(c >= 0x20 && c < 0x7f) << testing::PrintToString(octets);
        }
        return;
    }
    for (const auto& address : said->addresses) {
        ASSERT_TRUE(is_written_in(octets, address)) << testing::PrintToString(octets);
    }
    const bool has_data = !said->addresses.empty() || !said->services.empty();
    ASSERT_EQ(has_data, said->status == dns::answer_status::found);
}

TEST(dns_reply_mutation, every_prefix_is_malformed) {
    for (const auto& [what, sent, octets] : test::real_replies()) {
        for (std::size_t size = 0; size < octets.size(); ++size) {
            ASSERT_EQ(test::verdict_on(octets.substr(0, size), sent), "malformed")
                << what << ", " << size << " octets";
        }
    }
}

TEST(dns_reply_mutation, an_octet_behind_the_end_is_malformed) {
    for (const auto& [what, sent, octets] : test::real_replies()) {
        EXPECT_EQ(test::verdict_on(octets + '\0', sent), "malformed") << what;
    }
}

TEST(dns_reply_mutation, another_value_of_any_octet_makes_up_no_address) {
    for (const auto& [what, sent, octets] : test::real_replies()) {
        for (std::size_t at = 0; at < octets.size(); ++at) {
            for (unsigned change = 1; change < 256; ++change) {
                auto damaged = octets;
                damaged[at] = static_cast<char>(static_cast<unsigned char>(octets[at]) ^ change);
                ASSERT_NO_FATAL_FAILURE(expect_an_honest_answer(damaged, sent)) << what;
            }
        }
    }
}

/// Octets that mean something where they stand: pointers, counts, lengths, types.
std::string random_damage(std::string octets, std::mt19937& chance) {
    for (auto wounds = chance() % 4 + 1; wounds > 0; --wounds) {
        const auto at = chance() % octets.size();
        switch (chance() % 4) {
        case 0:
            octets[at] = static_cast<char>(chance() % 256);
            break;
        case 1:
            octets.replace(at, 2, test::pointer_to(chance() % 64));
            break;
        case 2:
            octets.insert(at, octets.substr(chance() % octets.size(), chance() % 40));
            break;
        default:
            octets.erase(at, octets.size() > 40 ? chance() % 8 : 0);
            break;
        }
    }
    return octets;
}

TEST(dns_reply_mutation, random_damage_makes_up_no_address) {
    std::mt19937 chance(1); // NOLINT(cert-msc32-c,cert-msc51-cpp): the same every time
    const auto replies = test::real_replies();
    for (int round = 0; round < 20'000; ++round) {
        const auto& [what, sent, octets] = replies[chance() % replies.size()];
        ASSERT_NO_FATAL_FAILURE(expect_an_honest_answer(random_damage(octets, chance), sent))
            << what;
    }
}

} // namespace
} // namespace roachpin
