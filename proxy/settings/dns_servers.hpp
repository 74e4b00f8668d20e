#pragma once

#include "core/error.hpp"
#include "settings/model.hpp"

#include <filesystem>
#include <string_view>
#include <vector>

namespace roachpin::settings {

/// "10.0.0.53", "[fd00::53]:5353", "udp://10.0.0.54:53", "tls://10.0.0.55:853#dns.internal".
/// Without a name behind #, a tls server's certificate must carry its address.
core::result<dns_server> parse_dns_server(std::string_view text);

/// The nameserver lines of a resolv.conf(5), each once; nothing else in it is looked at. Not empty.
core::result<std::vector<dns_server>> system_servers(const std::filesystem::path& resolv_conf);

} // namespace roachpin::settings
