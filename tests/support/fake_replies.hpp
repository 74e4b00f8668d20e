#pragma once

#include "support/fake_behaviour.hpp"

#include <cstdint>
#include <string>
#include <string_view>

/// What a node says, as bytes.
namespace roachpin::test {

[[nodiscard]] std::string c_string(std::string_view text);

/// AuthenticationOk, the parameters, BackendKeyData (unless `backend_key` is 0), ReadyForQuery.
[[nodiscard]] std::string login_replies(node_release release, std::uint64_t backend_key);

/// A cancel key as CockroachDB makes them from 22.1 on.
[[nodiscard]] std::uint64_t make_backend_key(std::uint32_t sql_instance_id);

/// A result of one row with one text column, completed.
[[nodiscard]] std::string text_row(std::string_view value);

[[nodiscard]] std::string command_complete(std::string_view tag);
[[nodiscard]] std::string ready_for_query(char transaction_status);

} // namespace roachpin::test
