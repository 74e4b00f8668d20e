#pragma once

#include "dns/reply.hpp"
#include "unit/dns/message_builder.hpp"

#include <string>
#include <string_view>
#include <vector>

/// Replies to the queries of these tests.
namespace roachpin::test {

inline const std::string host = "crdb-0.db.internal";

/// Asked in lower case, under the id of `dns_message`.
inline dns::query query_of(std::string_view name, dns::record_type type = dns::record_type::a) {
    return dns::make_query({core::dns_name::parse(name).value(), type}, 0x2a5f, 0, true);
}

inline dns_message reply_of(std::string_view name, unsigned type) {
    dns_message message;
    message.questions = {question_octets(name, type)};
    return message;
}

/// To "A of crdb-0.db.internal".
inline dns_message reply_with(std::vector<std::string> answers) {
    auto message = reply_of(host, dns_type::a);
    message.answers = std::move(answers);
    return message;
}

/// "malformed", … or "accepted".
inline std::string_view verdict_on(std::string_view octets, const dns::query& sent,
                                   bool check_id = true) {
    const auto parsed = dns::parse_reply(core::as_bytes(octets), sent, check_id);
    return parsed ? "accepted" : to_string(parsed.error().fault);
}

inline std::string_view verdict_on(const dns_message& message) {
    return verdict_on(message.octets(), query_of(host));
}

struct real_reply {
    const char* name;
    dns::query sent;
    std::string octets;
};

/// Of every kind that resolvers send to us.
inline std::vector<real_reply> real_replies() {
    using dns::record_type;
    const auto with = [](dns_message message, auto change) {
        change(message);
        return message.octets();
    };
    const auto srv_name = "_sql._tcp.db.internal";
    return {
        {"two A records", query_of(host),
         with(reply_with({a_record(asked_name, 3), a_record(asked_name, 4)}),
              [](auto& m) { m.additional = {opt_record()}; })},
        {"an AAAA record", query_of(host, record_type::aaaa),
         with(reply_of(host, dns_type::aaaa),
              [](auto& m) { m.answers = {aaaa_record(asked_name, 3)}; })},
        {"an alias, signed", query_of(host),
         with(reply_with({}),
              [](auto& m) {
                  const auto target = dns_labels("node-7") + pointer_to(19); // "db.internal"
                  m.flags |= dns_flag::authenticated;
                  m.answers = {cname_record(asked_name, target, 60),
                               record(asked_name, dns_type::rrsig, 60, std::string(40, '\xa5')),
                               a_record(pointer_to(48), 7)};
                  m.authorities = {record(pointer_to(19), dns_type::ns, 900, asked_name)};
                  m.additional = {a_record(asked_name, 99), opt_record()};
              })},
        {"two services", query_of(srv_name, record_type::srv),
         with(reply_of(srv_name, dns_type::srv),
              [](auto& m) {
                  m.answers = {
                      srv_record(asked_name, 0, 50, 26257, dns_name_octets("n1.internal")),
                      srv_record(asked_name, 1, 50, 26258, dns_name_octets("n2.internal"))};
                  m.additional = {a_record(dns_name_octets("n1.internal"), 1), opt_record()};
              })},
        {"no such name", query_of(host),
         with(reply_with({}),
              [](auto& m) {
                  m.flags |= 3;
                  m.authorities = {soa_record(pointer_to(22), 900, 30)}; // "internal"
                  m.additional = {opt_record()};
              })},
        {"a failure, explained", query_of(host),
         with(reply_with({}),
              [](auto& m) {
                  m.flags |= 2;
                  m.additional = {opt_record(extended_error_option(6, "signature crypto failed"))};
              })},
        {"nothing but a refusal", query_of(host),
         with(dns_message{}, [](auto& m) { m.flags |= 1; })},
    };
}

} // namespace roachpin::test
