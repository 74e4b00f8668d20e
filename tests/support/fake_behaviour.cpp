#include "support/fake_behaviour.hpp"

#include <array>
#include <stdexcept>
#include <string>

namespace roachpin::test {

namespace {

constexpr behaviour in_state(node_state state) {
    behaviour plays;
    plays.state = state;
    return plays;
}

constexpr behaviour of_release(node_release release) {
    behaviour plays;
    plays.release = release;
    return plays;
}

constexpr behaviour answering(ssl_answer answer) {
    behaviour plays;
    plays.answer = answer;
    return plays;
}

constexpr behaviour failing(session_step after, fault_kind kind) {
    behaviour plays;
    plays.fault = session_fault{after, kind};
    return plays;
}

constexpr behaviour in_session(session_mode session) {
    behaviour plays;
    plays.session = session;
    return plays;
}

using enum session_step;
using enum fault_kind;

constexpr std::array table = {
    named_behaviour{"secure", "a secure node (habits of 22.1 to 25.x)", {}},
    named_behaviour{"secure-19.1", "a secure node of the measured 19.1 line",
                    of_release(node_release::v19_1)},
    named_behaviour{"secure-26.1", "a secure node that negotiates protocol versions",
                    of_release(node_release::v26_1)},
    named_behaviour{"insecure", "an insecure node: N, and serves in the clear",
                    in_state(node_state::insecure)},
    named_behaviour{"before-init", "accepts TCP, never answers", in_state(node_state::before_init)},
    named_behaviour{"draining", "57P01 after the StartupMessage, before authentication",
                    in_state(node_state::draining)},
    named_behaviour{"full", "53300 after the StartupMessage, before authentication",
                    in_state(node_state::full)},

    named_behaviour{"answers-n", "N to SSLRequest, then waits", answering(ssl_answer::refuse)},
    named_behaviour{"answers-e", "an ErrorResponse in the clear to SSLRequest",
                    answering(ssl_answer::error_response)},
    named_behaviour{"s-and-extra", "S and more bytes in the same segment, then TLS",
                    answering(ssl_answer::accept_and_extra)},
    named_behaviour{"http", "an HTTP response to SSLRequest", answering(ssl_answer::http_response)},
    named_behaviour{"garbage", "a byte 0x00 to SSLRequest", answering(ssl_answer::garbage)},

    named_behaviour{"hang-after-accept", "reads, never answers", failing(accepted, hang)},
    named_behaviour{"hang-after-sslrequest", "likewise, from the SSLRequest on",
                    failing(ssl_request, hang)},
    named_behaviour{"hang-after-client-hello", "likewise, in the middle of the handshake",
                    failing(client_hello, hang)},
    named_behaviour{"hang-after-handshake", "likewise, from the handshake on",
                    failing(handshake, hang)},
    named_behaviour{"hang-after-startup", "likewise, from the StartupMessage on",
                    failing(startup, hang)},
    named_behaviour{"reset-after-accept", "RST at once", failing(accepted, reset)},
    named_behaviour{"reset-after-sslrequest", "RST to the SSLRequest", failing(ssl_request, reset)},
    named_behaviour{"reset-after-client-hello", "RST in the middle of the handshake",
                    failing(client_hello, reset)},
    named_behaviour{"reset-after-handshake", "RST when the handshake is complete",
                    failing(handshake, reset)},
    named_behaviour{"reset-after-startup", "RST to the StartupMessage", failing(startup, reset)},
    named_behaviour{"close-after-accept", "FIN at once", failing(accepted, close)},
    named_behaviour{"close-after-sslrequest", "FIN to the SSLRequest", failing(ssl_request, close)},
    named_behaviour{"close-after-client-hello", "FIN in the middle of the handshake",
                    failing(client_hello, close)},
    named_behaviour{"close-after-handshake", "close_notify and FIN after the handshake",
                    failing(handshake, close)},
    named_behaviour{"close-after-startup", "close_notify and FIN to the StartupMessage",
                    failing(startup, close)},

    named_behaviour{"raw-echo", "after the login every byte comes back",
                    in_session(session_mode::raw_echo)},
    named_behaviour{"raw-flood", "after the login it sends the flood, then closes",
                    in_session(session_mode::raw_flood)},
    named_behaviour{"raw-sink", "after the login it reads and hashes",
                    in_session(session_mode::raw_sink)},
    named_behaviour{"stop-reading", "after the login it reads nothing",
                    in_session(session_mode::stop_reading)},
};

} // namespace

std::span<const named_behaviour> named_behaviours() {
    return table;
}

behaviour behaviour_named(std::string_view name) {
    for (const auto& candidate : table) {
        if (candidate.name == name)
            return candidate.plays;
    }
    throw std::invalid_argument{"no behaviour is named '" + std::string{name} + "'"};
}

} // namespace roachpin::test
