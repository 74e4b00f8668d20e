#include "app/haproxy_file.hpp"

#include "core/printable.hpp"
#include "settings/values.hpp"

#include <algorithm>
#include <array>
#include <sstream>
#include <utility>

namespace roachpin::app {
namespace {

using words = std::vector<std::string>;

/// Words between blanks. HAProxy's quotes and escapes are not undone: `cockroach gen haproxy`
/// writes none, and a word that holds one is understood by nobody below.
words words_of(std::string_view line) {
    std::istringstream in{std::string(line.substr(0, line.find('#')))};
    words found;
    for (std::string word; in >> word;) {
        found.push_back(std::move(word));
    }
    return found;
}

std::string joined(words::const_iterator from, words::const_iterator to) {
    std::string text;
    for (; from != to; ++from) {
        text += (text.empty() ? "" : " ") + *from;
    }
    return text;
}

std::string quoted(const std::string& text) {
    return "\"" + core::printable(text, 100) + "\"";
}

struct host_and_port {
    std::string host; ///< without brackets
    std::uint16_t port = 0;
};

/// HAProxy takes the last colon for the port's, brackets or none.
std::optional<host_and_port> split(const std::string& text) {
    const auto colon = text.rfind(':');
    if (colon == std::string::npos) {
        return std::nullopt;
    }
    const auto port = settings::between<std::uint16_t>{1, 65535}(text.substr(colon + 1));
    auto host = text.substr(0, colon);
    if (host.size() > 1 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
    }
    return port ? std::optional(host_and_port{std::move(host), *port}) : std::nullopt;
}

/// What roachpin would not be told by these lines.
bool is_passed_over(const words& line) {
    constexpr std::array<std::string_view, 3> keywords{"maxconn", "retries", "timeout"};
    return std::find(keywords.begin(), keywords.end(), line[0]) != keywords.end() ||
           line == words{"mode", "tcp"} || line == words{"option", "clitcpka"};
}

bool begins_section(const std::string& word) {
    constexpr std::array<std::string_view, 6> keywords{"global",   "defaults", "listen",
                                                       "frontend", "backend",  "peers"};
    return std::find(keywords.begin(), keywords.end(), word) != keywords.end();
}

class haproxy_reader {
public:
    haproxy_file read(std::string_view text) {
        std::istringstream in{std::string(text)};
        for (std::string line; std::getline(in, line);) {
            ++line_;
            if (const auto split_line = words_of(line); !split_line.empty()) {
                take(split_line);
            }
        }
        finish();
        return std::move(made_);
    }

private:
    enum class section { outside, taken, left_out };

    void take(const words& line) {
        if (begins_section(line[0])) {
            begin(line);
        } else if (where_ == section::left_out || is_passed_over(line)) {
            return;
        } else if (where_ == section::taken && line[0] == "bind" && line.size() > 1) {
            take_bind(line);
        } else if (where_ == section::taken && line[0] == "server" && line.size() > 2) {
            take_server(line);
        } else if (where_ == section::taken && line[0] == "balance" && line.size() == 2) {
            take_balance(line);
        } else if (where_ == section::taken && line.size() > 2 && line[0] == "option" &&
                   line[1] == "httpchk") {
            take_page(line);
        } else {
            left_out(line);
        }
    }

    void begin(const words& line) {
        if (line[0] == "global" || line[0] == "defaults") {
            where_ = section::outside;
        } else if (line[0] == "listen" && !has_listen_) {
            has_listen_ = true;
            where_ = section::taken;
        } else {
            where_ = section::left_out;
            notice("the section " + quoted(joined(line.begin(), line.end())) +
                   " was left out: the first listen section alone is read");
        }
    }

    void take_bind(const words& line) {
        const auto where = split(line[1]);
        if (!where || made_.bind) {
            left_out(line);
            return;
        }
        const auto address = core::ip_address::parse(where->host);
        const bool is_loopback = address && address->is_loopback();
        made_.bind = core::endpoint{is_loopback ? *address : core::ip_address::v4({127, 0, 0, 1}),
                                    where->port};
        if (!is_loopback) {
            notice("bind " + core::printable(line[1]) + " became " + made_.bind->to_string() +
                   ": roachpin serves the applications of its own machine unless the "
                   "configuration says more (bind, tls.required and allow_from of the listener)");
        }
        left_out_of(line, line.begin() + 2);
    }

    void take_server(const words& line) {
        const auto where = split(line[2]);
        const auto host = where ? core::host_name::parse(where->host)
                                : core::result<core::host_name>(core::error{});
        if (!host) {
            notice("server " + quoted(line[2]) +
                   " was left out: it is not a name or an address with a port");
            return;
        }
        haproxy_server server{*host, where->port};
        if (std::find(made_.servers.begin(), made_.servers.end(), server) != made_.servers.end()) {
            notice("server " + quoted(line[2]) + " was left out: it is there already");
            return;
        }
        made_.servers.push_back(std::move(server));
        take_check(line);
    }

    void take_check(const words& line) {
        std::optional<std::uint16_t> port;
        words unknown;
        for (auto word = line.begin() + 3; word != line.end(); ++word) {
            const auto next = word + 1;
            const auto number = *word == "port" && next != line.end()
                                    ? settings::between<std::uint16_t>{1, 65535}(*next)
                                    : core::result<std::uint16_t>(core::error{});
            if (number) {
                port = *number;
                word = next;
            } else if (*word != "check") {
                unknown.push_back(*word);
            }
        }
        check_ports_.push_back(port);
        left_out_of(line, unknown.begin(), unknown.end());
    }

    void take_balance(const words& line) {
        constexpr std::array<std::pair<std::string_view, std::string_view>, 3> names{
            {{"roundrobin", "round_robin"},
             {"leastconn", "least_connections"},
             {"random", "random"}}};
        const auto* found = std::find_if(names.begin(), names.end(),
                                         [&](const auto& name) { return name.first == line[1]; });
        if (found == names.end()) {
            left_out(line);
        } else {
            made_.balance = std::string(found->second);
        }
    }

    /// `option httpchk [METHOD] URI [VERSION]`; roachpin asks with GET.
    void take_page(const words& line) {
        const auto page = line[2] == "GET" && line.size() > 3 ? line[3] : line[2];
        if (page.starts_with('/')) {
            page_ = page;
        } else {
            left_out(line);
        }
    }

    /// roachpin asks every node at the same port.
    void finish() {
        if (!page_ || made_.servers.empty()) {
            return;
        }
        const auto port = check_ports_.front();
        if (port && std::all_of(check_ports_.begin(), check_ports_.end(),
                                [&](const auto& other) { return other == port; })) {
            made_.check = haproxy_check{*page_, *port};
        } else {
            notice("option httpchk was left out: the servers do not all say the same check port, "
                   "and health.http has one for all nodes");
        }
    }

    void left_out(const words& line) {
        notice(quoted(joined(line.begin(), line.end())) +
               " was left out: roachpin init does not know what it stands for");
    }

    void left_out_of(const words& line, words::const_iterator from) {
        left_out_of(line, from, line.end());
    }

    void left_out_of(const words& line, words::const_iterator from, words::const_iterator to) {
        if (from != to) {
            notice(quoted(joined(from, to)) + " was left out of \"" + line[0] + "\"");
        }
    }

    void notice(const std::string& sentence) {
        made_.notices.push_back(std::to_string(line_) + ": " + sentence);
    }

    haproxy_file made_;
    std::size_t line_ = 0;
    section where_ = section::outside;
    bool has_listen_ = false;
    std::optional<std::string> page_;
    std::vector<std::optional<std::uint16_t>> check_ports_; ///< one for each server taken
};

} // namespace

haproxy_file read_haproxy(std::string_view text) {
    return haproxy_reader().read(text);
}

} // namespace roachpin::app
