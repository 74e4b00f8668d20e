#pragma once

#include "settings/lock_file.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace roachpin::test {

inline std::chrono::year_month_day day(int year, unsigned month, unsigned number) {
    return {std::chrono::year(year), std::chrono::month(month), std::chrono::day(number)};
}

inline core::spki_pin pin(std::uint8_t first) {
    std::array<std::uint8_t, core::spki_pin::size> digest{};
    digest[0] = first;
    return core::spki_pin(digest);
}

inline settings::locked_host some_host() {
    return {.chain = {core::dns_name::parse("b.db.internal").value(),
                      core::dns_name::parse("a.db.internal").value()},
            .addresses = {core::ip_address::parse("10.1.2.3").value(),
                          core::ip_address::parse("10.1.2.4").value(),
                          core::ip_address::parse("fd00:1::").value()},
            .issuer_spki = {pin(0), pin(0xff)},
            .leaf_spki = {pin(1)},
            .next_spki = {},
            .not_after = day(2027, 1, 30)};
}

/// Whatever a lock can hold, and what it cannot do without.
inline settings::lock_file some_lock() {
    settings::lock_file lock{day(2026, 11, 22), day(2027, 2, 22), {}};
    lock.hosts.emplace(core::host_name::parse("crdb-0.db.internal").value(), some_host());
    lock.hosts.emplace(core::host_name::parse("10.1.2.4").value(), settings::locked_host{});
    return lock;
}

/// The text of it.
inline const std::string some_text = R"(lock_version: 1
reviewed: 2026-11-22
review_by: 2027-02-22
hosts:
  10.1.2.4:
    chain: []
    addresses: []
    issuer_spki: []
    leaf_spki: []
    next_spki: []
    not_after: ~
  crdb-0.db.internal:
    chain:
      - b.db.internal
      - a.db.internal
    addresses:
      - 10.1.2.3
      - 10.1.2.4
      - "fd00:1::"
    issuer_spki:
      - AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
      - /wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    leaf_spki:
      - AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
    next_spki: []
    not_after: 2027-01-30
)";

} // namespace roachpin::test
