#include "policy/address_class.hpp"

#include <gtest/gtest.h>

#include <string>

namespace roachpin {
namespace {

std::string class_of(const char* address) {
    return std::string(
        policy::to_string(policy::classify(core::ip_address::parse(address).value())));
}

struct row {
    const char* address;
    const char* kind;
};

/// Around each border of the registry: the last address before it, the first and the last inside,
/// the first behind it.
TEST(policy_address_class, ipv4_addresses_are_what_the_registry_says) {
    for (const auto& [address, kind] : {
             row{"0.0.0.0", "unspecified"},
             row{"0.255.255.255", "unspecified"},
             row{"1.0.0.0", "public"},
             row{"9.255.255.255", "public"},
             row{"10.0.0.0", "private"},
             row{"10.255.255.255", "private"},
             row{"11.0.0.0", "public"},
             row{"100.63.255.255", "public"},
             row{"100.64.0.0", "private"},
             row{"100.127.255.255", "private"},
             row{"100.128.0.0", "public"},
             row{"126.255.255.255", "public"},
             row{"127.0.0.0", "loopback"},
             row{"127.0.0.1", "loopback"},
             row{"127.255.255.255", "loopback"},
             row{"128.0.0.0", "public"},
             row{"169.253.255.255", "public"},
             row{"169.254.0.0", "link-local"},
             row{"169.254.169.254", "link-local"},
             row{"169.254.255.255", "link-local"},
             row{"169.255.0.0", "public"},
             row{"172.15.255.255", "public"},
             row{"172.16.0.0", "private"},
             row{"172.31.255.255", "private"},
             row{"172.32.0.0", "public"},
             row{"191.255.255.255", "public"},
             row{"192.0.0.0", "reserved"},
             row{"192.0.0.171", "reserved"},
             row{"192.0.0.255", "reserved"},
             row{"192.0.1.0", "public"},
             row{"192.0.1.255", "public"},
             row{"192.0.2.0", "reserved"},
             row{"192.0.2.255", "reserved"},
             row{"192.0.3.0", "public"},
             row{"192.31.195.255", "public"},
             row{"192.31.196.0", "reserved"},
             row{"192.31.197.0", "public"},
             row{"192.52.193.255", "reserved"},
             row{"192.88.98.255", "public"},
             row{"192.88.99.1", "reserved"},
             row{"192.88.100.0", "public"},
             row{"192.167.255.255", "public"},
             row{"192.168.0.0", "private"},
             row{"192.168.255.255", "private"},
             row{"192.169.0.0", "public"},
             row{"192.175.48.6", "reserved"},
             row{"198.17.255.255", "public"},
             row{"198.18.0.0", "reserved"},
             row{"198.19.255.255", "reserved"},
             row{"198.20.0.0", "public"},
             row{"198.51.99.255", "public"},
             row{"198.51.100.0", "reserved"},
             row{"198.51.101.0", "public"},
             row{"203.0.112.255", "public"},
             row{"203.0.113.255", "reserved"},
             row{"203.0.114.0", "public"},
             row{"223.255.255.255", "public"},
             row{"224.0.0.0", "multicast"},
             row{"239.255.255.255", "multicast"},
             row{"240.0.0.0", "reserved"},
             row{"255.255.255.254", "reserved"},
             row{"255.255.255.255", "reserved"},
         }) {
        EXPECT_EQ(class_of(address), kind) << address;
    }
}

TEST(policy_address_class, ipv6_addresses_are_what_the_registry_says) {
    for (const auto& [address, kind] : {
             row{"::", "unspecified"},
             row{"::1", "loopback"},
             row{"::2", "transition"},
             row{"::10.1.2.3", "transition"},
             row{"::255.255.255.255", "transition"},
             row{"::1:0:0", "reserved"},
             row{"::fffe:10.1.2.3", "reserved"},
             row{"::ffff:0:10.1.2.3", "transition"},
             row{"64:ff9a:ffff::", "reserved"},
             row{"64:ff9b::", "transition"},
             row{"64:ff9b::10.1.2.3", "transition"},
             row{"64:ff9b::1:0:0", "reserved"},
             row{"64:ff9b:1::", "transition"},
             row{"64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "transition"},
             row{"64:ff9b:2::", "reserved"},
             row{"100::", "reserved"},
             row{"100::1", "reserved"},
             row{"100:0:0:1::", "reserved"},
             row{"200::", "reserved"},
             row{"1fff:ffff::", "reserved"},
             row{"2000::", "public"},
             row{"2000:ffff:ffff::", "public"},
             row{"2001::", "transition"},
             row{"2001:0:ffff::", "transition"},
             row{"2001:1::", "reserved"},
             row{"2001:2::", "reserved"},
             row{"2001:10::", "reserved"},
             row{"2001:20::", "reserved"},
             row{"2001:1ff:ffff::", "reserved"},
             row{"2001:200::", "public"},
             row{"2001:db7:ffff::", "public"},
             row{"2001:db8::", "reserved"},
             row{"2001:db8:ffff::", "reserved"},
             row{"2001:db9::", "public"},
             row{"2001:ffff::", "public"},
             row{"2002::", "transition"},
             row{"2002:a01:203::1", "transition"},
             row{"2002:ffff::", "transition"},
             row{"2003::", "public"},
             row{"2600::1", "public"},
             row{"2620:4f:7fff::", "public"},
             row{"2620:4f:8000::", "reserved"},
             row{"2620:4f:8001::", "public"},
             row{"3ffe:ffff::", "public"},
             row{"3fff::", "reserved"},
             row{"3fff:fff::", "reserved"},
             row{"3fff:1000::", "public"},
             row{"3fff:ffff::", "public"},
             row{"4000::", "reserved"},
             row{"5f00::1", "reserved"},
             row{"fbff:ffff::", "reserved"},
             row{"fc00::", "private"},
             row{"fd00:1::1", "private"},
             row{"fdff:ffff::", "private"},
             row{"fe00::", "reserved"},
             row{"fe7f:ffff::", "reserved"},
             row{"fe80::", "link-local"},
             row{"febf:ffff::", "link-local"},
             row{"fec0::", "reserved"}, // site-local
             row{"feff:ffff::", "reserved"},
             row{"ff00::", "multicast"},
             row{"ff02::1", "multicast"},
             row{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"},
         }) {
        EXPECT_EQ(class_of(address), kind) << address;
    }
}

TEST(policy_address_class, a_mapped_address_is_the_one_it_stands_for) {
    for (const auto& [address, kind] : {
             row{"::ffff:0.0.0.0", "unspecified"},
             row{"::ffff:127.0.0.1", "loopback"},
             row{"::ffff:169.254.169.254", "link-local"},
             row{"::ffff:224.0.0.1", "multicast"},
             row{"::ffff:192.0.2.1", "reserved"},
             row{"::ffff:10.1.2.3", "private"},
             row{"::ffff:8.8.8.8", "public"},
         }) {
        EXPECT_EQ(class_of(address), kind) << address;
    }
}

} // namespace
} // namespace roachpin
