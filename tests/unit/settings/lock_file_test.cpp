#include "settings/lock_file.hpp"
#include "support/temp_dir.hpp"
#include "unit/settings/sample_lock.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <utility>

namespace roachpin {
namespace {

using core::dns_name;
using core::host_name;
using settings::lock_file;
using test::day;
using test::some_lock;
using test::some_text;

lock_file good(const std::string& text) {
    auto parsed = settings::parse_lock(text, "roachpin.lock");
    EXPECT_TRUE(parsed) << text << "\n" << to_string(parsed.error());
    return parsed ? *parsed : lock_file{};
}

std::string problems(const std::string& text) {
    const auto parsed = settings::parse_lock(text, "x.lock");
    return parsed ? "" : to_string(parsed.error());
}

std::string with(const std::string& before, const std::string& after) {
    auto text = some_text;
    const auto at = text.find(before);
    EXPECT_NE(at, std::string::npos) << before;
    return text.replace(at, before.size(), after);
}

/// A lock with one host, which is called `name` and whose chain is `alias`.
lock_file lock_with(const std::string& name, const std::string& alias) {
    lock_file lock{day(2026, 11, 22), day(2027, 2, 22), {}};
    lock.hosts[host_name::parse(name).value()].chain = {dns_name::parse(alias).value()};
    return lock;
}

TEST(settings_lock, has_one_text) {
    EXPECT_EQ(to_text(some_lock()), some_text);
    EXPECT_EQ(good(some_text), some_lock());
    EXPECT_EQ(to_text(good(some_text)), some_text);
}

TEST(settings_lock, may_be_without_hosts) {
    const std::string text =
        "lock_version: 1\nreviewed: 2026-11-22\nreview_by: 2026-11-22\nhosts: {}\n";
    EXPECT_EQ(to_text(good(text)), text);
}

TEST(settings_lock, sets_are_put_in_order_and_chains_are_not) {
    auto lock = some_lock();
    auto& host = lock.hosts.at(host_name::parse("crdb-0.db.internal").value());
    std::swap(host.addresses[0], host.addresses[2]);
    std::swap(host.issuer_spki[0], host.issuer_spki[1]);
    host.leaf_spki.push_back(host.leaf_spki[0]);
    EXPECT_EQ(to_text(lock), some_text);
    const auto shuffled =
        with("      - 10.1.2.3\n      - 10.1.2.4\n", "      - 10.1.2.4\n      - ::ffff:10.1.2.3\n");
    EXPECT_EQ(good(shuffled), some_lock());
    std::swap(host.chain[0], host.chain[1]);
    EXPECT_NE(to_text(lock), some_text);
}

TEST(settings_lock, may_be_written_in_other_ways_by_hand) {
    const auto flow =
        with("    addresses:\n      - 10.1.2.3\n      - 10.1.2.4\n      - \"fd00:1::\"\n",
             "    # seen twice\n    addresses: [10.1.2.3, 10.1.2.4, 'fd00:1:0::']\n");
    EXPECT_EQ(good(flow), some_lock());
    EXPECT_EQ(good(with("    not_after: ~\n", "")), some_lock());
    EXPECT_EQ(good(with("  crdb-0.db.internal:", "  CRDB-0.DB.internal.:")), some_lock());
}

/// What a zone's owner may choose has to come back as it was, and as text to every reader of YAML.
TEST(settings_lock, names_that_yaml_takes_for_something_else_are_quoted) {
    for (const auto* alias : {"null",
                              "no",
                              "~",
                              "1e5.e3",
                              "0x10.0",
                              "-",
                              "*.internal",
                              "&a.b",
                              "#a.b",
                              "a#b.c",
                              "${home}.internal",
                              "${",
                              "{a.b",
                              "[a.b",
                              "!a.b",
                              "%a.b",
                              "a:.b",
                              ":",
                              "'a'.b",
                              "2026-11-22",
                              "_sql._tcp.a",
                              "1.2.3.x",
                              ""}) {
        const auto lock = lock_with("crdb.internal", alias);
        EXPECT_EQ(good(to_text(lock)), lock) << to_text(lock);
        EXPECT_NE(to_text(lock).find("- \"" + std::string(alias) + "\"\n"), std::string::npos);
    }
    for (const auto* host : {"null", "no", "crdb", "fd00::", "::1", "_a.b", "1-2.x"}) {
        const auto lock = lock_with(host, "a.b");
        EXPECT_EQ(good(to_text(lock)), lock) << to_text(lock);
        EXPECT_NE(to_text(lock).find("\n  \"" + std::string(host) + "\":\n"), std::string::npos);
    }
}

TEST(settings_lock, of_another_version_is_refused_without_a_look_at_the_rest) {
    const std::string sentence =
        "is a version that this roachpin does not read, which writes version 1; use the roachpin "
        "that wrote the file, or write it anew with roachpin pin\n";
    EXPECT_EQ(problems("lock_version: 2\nnames: {}\n"),
              "x.lock:1: lock_version: \"2\" " + sentence);
    for (const auto* version : {"0", "01", "1.0", "''", "one"}) {
        EXPECT_NE(problems(with("lock_version: 1", "lock_version: " + std::string(version)))
                      .find(sentence),
                  std::string::npos)
            << version;
    }
    EXPECT_EQ(problems("names: {}\n"), "x.lock:1: lock_version: is missing; it must be set\n");
}

TEST(settings_lock, all_problems_are_said_at_once) {
    EXPECT_EQ(problems("lock_version: 1\n"
                       "reviewed: 22.11.2026\n"
                       "checksum: 1\n"
                       "hosts:\n"
                       "  crdb.internal:\n"
                       "    chain: [a..b]\n"
                       "    addresses: [10.1.2.3, 10.1.2, '::ffff:10.1.2.3']\n"
                       "    issuer_spki: [sha256/AAAA]\n"
                       "    leaf_spki: ~\n"
                       "    ttl: 60\n"
                       "    not_after: 2027-02-29\n"
                       "  CRDB.internal:\n"
                       "  '*.internal': {chain: [], addresses: [], issuer_spki: [], leaf_spki: [],"
                       " next_spki: []}\n"),
              R"(x.lock:1: review_by: is missing; it must be set
x.lock:2: reviewed: "22.11.2026" is not a day; write year, month and day: 2027-01-31
x.lock:3: checksum: unknown key; known here: lock_version, reviewed, review_by, hosts
x.lock:5: hosts.crdb.internal.next_spki: is missing; write [] where nothing was seen, or the file anew with roachpin pin
x.lock:6: hosts.crdb.internal.chain[0]: "a..b" is no DNS name: it has an empty label
x.lock:7: hosts.crdb.internal.addresses[1]: "10.1.2" is not an IP address; write 10.1.2.3 or fd00::1, without a zone or a port
x.lock:7: hosts.crdb.internal.addresses[2]: ::ffff:10.1.2.3 is in this list already; keep one
x.lock:8: hosts.crdb.internal.issuer_spki[0]: "sha256/AAAA" is not a SHA-256 in base64 (44 characters ending in "="); take it from `openssl x509 -in node.crt -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64`
x.lock:9: hosts.crdb.internal.leaf_spki: has no value; write a list ([a, b]), or remove it altogether
x.lock:10: hosts.crdb.internal.ttl: unknown key; known here: chain, addresses, issuer_spki, leaf_spki, next_spki, not_after
x.lock:11: hosts.crdb.internal.not_after: "2027-02-29" is not a day; write year, month and day: 2027-01-31
x.lock:12: hosts.CRDB.internal: has no value; it must have one
x.lock:12: hosts.CRDB.internal: crdb.internal is there already, in another spelling; keep one
x.lock:13: hosts.*.internal: "*.internal" is neither a DNS name nor an IP address; write the name the node's certificate carries, such as crdb-0.crdb.internal
)");
}

TEST(settings_lock, a_host_is_there_once) {
    const auto text = with("  10.1.2.4:\n", "  crdb-0.db.internal:\n");
    EXPECT_EQ(problems(text), "x.lock:12: hosts.crdb-0.db.internal: the key is there twice, first "
                              "in line 5; keep one\n");
}

TEST(settings_lock, a_list_that_is_lost_is_not_an_empty_one) {
    for (const std::string key : {"chain", "addresses", "issuer_spki", "leaf_spki", "next_spki"}) {
        EXPECT_EQ(problems(with("    " + key + ": []\n", "")),
                  "x.lock:5: hosts.10.1.2.4." + key +
                      ": is missing; write [] where nothing was "
                      "seen, or the file anew with roachpin pin\n");
    }
}

TEST(settings_lock, is_to_be_reviewed_after_it_was) {
    EXPECT_EQ(problems(with("review_by: 2027-02-22", "review_by: 2026-11-21")),
              "x.lock:3: review_by: is before the day of the review (reviewed); write a later "
              "one\n");
}

TEST(settings_lock, is_not_a_configuration) {
    EXPECT_EQ(problems(""), "x.lock: the file is empty; it needs at least lock_version, reviewed, "
                            "review_by and hosts\n");
    EXPECT_EQ(problems("- 1\n"), "x.lock:1: a mapping (key: value) is expected here, not a list\n");
    EXPECT_EQ(
        problems(with("hosts:\n", "hosts: []\nrest:\n")),
        "x.lock:4: hosts: a mapping (key: value) is expected here, not a list\n"
        "x.lock:5: rest: unknown key; known here: lock_version, reviewed, review_by, hosts\n");
}

TEST(settings_lock, of_the_reference_is_one) {
    std::ifstream file(std::string(ROACHPIN_CONFIG_DIR) + "/README.md");
    const std::string page{std::istreambuf_iterator<char>(file), {}};
    const auto start = page.find("lock_version: 1");
    ASSERT_NE(start, std::string::npos);
    const auto lock = good(page.substr(start, page.find("```", start) - start));
    ASSERT_EQ(lock.hosts.size(), 1U);
    EXPECT_EQ(lock.hosts.begin()->second.issuer_spki.size(), 1U);
}

TEST(settings_lock, is_loaded_from_a_file) {
    const test::temp_dir folder;
    const auto path = folder.write("roachpin.lock", some_text);
    const auto loaded = settings::load_lock(path);
    ASSERT_TRUE(loaded);
    EXPECT_EQ(*loaded, some_lock());
    const auto absent = settings::load_lock("/nowhere/roachpin.lock");
    ASSERT_FALSE(absent);
    EXPECT_EQ(to_string(absent.error()),
              "/nowhere/roachpin.lock: cannot read the file: No such file or directory\n");
    folder.write("roachpin.lock", "lock_version: 3\n");
    ASSERT_FALSE(settings::load_lock(path));
    EXPECT_EQ(settings::load_lock(path).error().at(0).where.file, path);
}

} // namespace
} // namespace roachpin
