#include "app/status_text.hpp"

#include "core/printable.hpp"
#include "telemetry/words.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

namespace roachpin::app {
namespace {

namespace json = boost::json;

std::string text_of(const json::value& from, const char* key) {
    const auto& value = from.at(key);
    if (const auto* text = value.if_string()) {
        return core::printable({text->data(), text->size()}, 1024);
    }
    if (value.is_number()) {
        return std::to_string(value.to_number<std::int64_t>());
    }
    return "";
}

double number_of(const json::value& from, const char* key) {
    return from.at(key).to_number<double>();
}

std::int64_t whole_of(const json::value& from, const char* key) {
    return from.at(key).to_number<std::int64_t>();
}

std::string counted(const json::value& from, const char* key, std::string_view what) {
    return telemetry::counted(from.at(key).to_number<std::uint64_t>(), what);
}

/// The lines of a text that may have several.
std::vector<std::string> lines_of(const json::value& from, const char* key) {
    std::istringstream in(std::string(from.at(key).as_string()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);) {
        lines.push_back(core::printable(line, 1024));
    }
    return lines;
}

/// Rows of cells, each column as wide as its widest.
class columns {
public:
    void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }

    std::string to_string() const {
        std::string text;
        for (const auto& row : rows_) {
            std::string line = " ";
            for (std::size_t i = 0; i < row.size(); ++i) {
                line += " " + row[i];
                if (i + 1 < row.size()) {
                    line.append(width(i) - row[i].size() + 1, ' ');
                }
            }
            line.erase(line.find_last_not_of(' ') + 1);
            text += line + "\n";
        }
        return text;
    }

private:
    std::size_t width(std::size_t column) const {
        std::size_t most = 0;
        for (const auto& row : rows_) {
            most = std::max(most, column < row.size() ? row[column].size() : 0);
        }
        return most;
    }

    std::vector<std::vector<std::string>> rows_;
};

class writer {
public:
    writer(const json::value& from, bool colour) : from_(from), colour_(colour) {}

    std::string write() {
        add_headline();
        add_nodes();
        add_names();
        add_certificates();
        add_connections();
        return std::move(text_);
    }

private:
    std::string paint(const std::string& text, const std::string& level) const {
        if (!colour_) {
            return text;
        }
        const auto* code = level == "error" ? "1;31" : level == "warning" ? "33" : "32";
        return "\x1b[" + std::string(code) + "m" + text + "\x1b[0m";
    }

    void add_headline() {
        text_ += paint(text_of(from_, "headline"), text_of(from_, "level")) + "\n";
        for (const auto& one : from_.at("concerns").as_array()) {
            const auto level = text_of(one, "level");
            text_ += "  " + paint(level, level) + ": " + text_of(one, "sentence") + "\n";
            for (const auto& line : lines_of(one, "detail")) {
                text_ += "    " + line + "\n";
            }
        }
        const std::chrono::seconds uptime(whole_of(from_, "uptime_seconds"));
        text_ += "roachpin " + text_of(from_, "version") + ", up for " +
                 telemetry::span_text(uptime) + "\n";
    }

    void add_nodes() {
        text_ += "\nNodes\n";
        columns rows;
        for (const auto& node : from_.at("nodes").as_array()) {
            for (const auto& place : node.at("places").as_array()) {
                rows.add({text_of(node, "host"), text_of(place, "address"), text_of(place, "state"),
                          text_of(place, "allowed_by"), counted(place, "connections", "session"),
                          proof_of(place), text_of(place, "why")});
            }
            if (node.at("places").as_array().empty()) {
                rows.add({text_of(node, "host"), "no address"});
            }
        }
        text_ += rows.to_string();
    }

    static std::string proof_of(const json::value& place) {
        const auto& proof = place.at("proof");
        if (proof.is_null()) {
            return "never proved";
        }
        const auto days = whole_of(proof, "days_left");
        return days < 0 ? "ended " + std::to_string(-days) + " d ago"
                        : "ends in " + std::to_string(days) + " d";
    }

    void add_names() {
        columns rows;
        for (const auto& node : from_.at("nodes").as_array()) {
            const auto& name = node.at("name");
            if (name.is_null()) {
                continue;
            }
            for (const auto& server : name.at("servers").as_array()) {
                const bool clean = server.at("clean").as_bool();
                rows.add({text_of(name, "asked"), text_of(server, "server"),
                          clean ? "believed"
                                : (server.at("refused").as_bool() ? "refused: " : "no answer: ") +
                                      text_of(server, "reason"),
                          text_of(server, "sentence")});
            }
        }
        const auto text = rows.to_string();
        text_ += text.empty() ? "" : "\nNames\n" + text;
    }

    void add_certificates() {
        text_ += "\nCertificates\n";
        columns rows;
        for (const auto& one : from_.at("certificates").as_array()) {
            rows.add({text_of(one, "what"), text_of(one, "subject"),
                      text_of(one, "days_left") + " days left"});
        }
        text_ += rows.to_string();
    }

    void add_connections() {
        text_ += "\nConnections\n";
        columns rows;
        for (const auto& one : from_.at("listeners").as_array()) {
            rows.add({text_of(one, "address"), text_of(one, "mode"), "tls " + text_of(one, "tls"),
                      text_of(one, "connections") + " of " + text_of(one, "max_connections")});
        }
        text_ += rows.to_string();
        text_ += "  all together: " + text_of(from_, "connections") + " of " +
                 text_of(from_, "max_connections") + "\n";
        add_traffic();
    }

    void add_traffic() {
        const auto& all = from_.at("since_start");
        text_ += "\nTraffic\n  since the start: " + counted(all, "sessions", "session") + ", " +
                 text_of(all, "refused") + " refused, " +
                 telemetry::bytes_text(number_of(all, "bytes_to_node")) + " to nodes, " +
                 telemetry::bytes_text(number_of(all, "bytes_to_client")) + " to clients, " +
                 counted(all, "dns_refused", "DNS answer") + " and " +
                 counted(all, "hostile_dials", "node") + " not believed\n";
        const auto& rates = from_.at("rates");
        if (rates.is_null()) {
            return;
        }
        text_ += "  now: " + telemetry::number_text(number_of(rates, "sessions")) +
                 " sessions/s, " + telemetry::number_text(number_of(rates, "refused")) +
                 " refused/s, " + telemetry::bytes_text(number_of(rates, "bytes_to_node")) +
                 "/s to nodes, " + telemetry::bytes_text(number_of(rates, "bytes_to_client")) +
                 "/s to clients\n";
    }

    const json::value& from_;
    bool colour_;
    std::string text_;
};

} // namespace

core::result<std::string> status_text(const std::string& json, bool colour) {
    try {
        const auto parsed = json::parse(json);
        if (parsed.at("format").to_number<std::int64_t>() != 1) {
            return core::error{"this roachpin does not know that format of /status; use the "
                               "release that is running"};
        }
        return {boost::system::in_place_value, writer(parsed, colour).write()};
    } catch (const std::exception&) { // no JSON, or a key that is not there
        return core::error{"what answers is no roachpin, or another release of it"};
    }
}

} // namespace roachpin::app
