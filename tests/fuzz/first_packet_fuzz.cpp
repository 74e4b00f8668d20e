#include "fuzz.hpp"
#include "pgwire/client_opening.hpp"
#include "pgwire/integers.hpp"
#include "pgwire/protocol_version.hpp"

/// A client's opening, up to what it wants.
///
/// Fed: an octet whose lowest bits are the listener's mode and whether ALPN was agreed on, an octet
/// that decides the cuts, then flights: a length of two octets and what the client sends before it
/// reads an answer.
///
/// Asserted: however a flight is cut, it comes to the same end; where it is cut right behind an
/// encryption request, the whole must have been refused (CVE-2021-23214). Each step keeps what
/// pgwire/client_opening.hpp says of it, and what is made of a StartupMessage is one again.
namespace {

using namespace roachpin;
using namespace roachpin::fuzz;
namespace opening = pgwire::opening;

template <class Step>
bool is(const pgwire::opening_step& step) {
    return std::holds_alternative<Step>(step);
}

bool is_parameter_of(const std::string& value, core::bytes_view packet) {
    return core::as_text(packet).find(value) != std::string_view::npos;
}

pgwire::startup_message parsed(core::bytes_view packet, const char* promise) {
    auto again = pgwire::parse_first_packet(packet);
    auto* message = std::get_if<pgwire::startup_message>(&again.kind);
    require(message != nullptr && again.size <= packet.size(), promise);
    return std::move(*message);
}

void require_version_negotiation(const opening::startup& wanted) {
    const auto older = pgwire::as_protocol_3_0(wanted.replay);
    const auto asking = parsed(older, "asking for 3.0 is a StartupMessage");
    require(asking.minor_version == 0, "asking for 3.0 asks for 3.0");
    require(asking.user == wanted.message.user && asking.database == wanted.message.database &&
                asking.application_name == wanted.message.application_name,
            "asking for 3.0 changes nothing else");
    require(pgwire::as_protocol_3_0(older) == older, "asking for 3.0 twice is asking once");

    const auto told = pgwire::encode_negotiate_protocol_version(wanted.replay);
    require(told.size() >= 13 && told.front() == 'v', "NegotiateProtocolVersion has its header");
    require(pgwire::load_uint32(told.data() + 1) == told.size() - 1,
            "NegotiateProtocolVersion says how long it is");
    const auto names = core::as_text(told).substr(13);
    require(std::count(names.begin(), names.end(), '\0') ==
                static_cast<std::ptrdiff_t>(pgwire::load_uint32(told.data() + 9)),
            "NegotiateProtocolVersion counts its options");
}

void require_sound(const opening::startup& wanted, core::bytes_view held) {
    require(std::equal(wanted.replay.begin(), wanted.replay.end(), held.begin(), held.end()),
            "what is replayed is what the client has sent");
    const auto again = parsed(wanted.replay, "what is replayed begins with the StartupMessage");
    require(again.minor_version == wanted.message.minor_version, "of the same version");
    for (const auto& value :
         {wanted.message.user, wanted.message.database, wanted.message.application_name}) {
        require(value.find('\0') == std::string::npos && is_parameter_of(value, wanted.replay),
                "a parameter is the client's own");
    }
    require_version_negotiation(wanted);
}

void require_sound(const pgwire::opening_step& step, pgwire::opening_mode mode,
                   core::bytes_view held) {
    if (const auto* wanted = std::get_if<opening::startup>(&step)) {
        require_sound(*wanted, held);
    } else if (const auto* cancel = std::get_if<opening::cancel>(&step)) {
        require(cancel->packet.size() >= 16 && cancel->packet.size() <= 268 &&
                    std::equal(cancel->packet.begin(), cancel->packet.end(), held.begin()),
                "a CancelRequest is what the client has sent, and no longer than one may be");
    } else if (const auto* refusal = std::get_if<opening::refuse>(&step)) {
        require(!refusal->sentence.empty() && is_printable_ascii(refusal->sentence),
                "a refusal has a sentence that may be shown");
    } else if (is<opening::start_tls>(step)) {
        require(mode == pgwire::opening_mode::tls, "TLS is for listeners that have it");
    } else if (is<opening::pass_through>(step)) {
        require(mode == pgwire::opening_mode::passthrough && held.size() == 8,
                "only an SSLRequest is passed through, with nothing behind it");
    }
}

struct heard {
    pgwire::opening_step step = opening::read{};
    std::size_t fed = 0;
};

/// Until there is something to do.
heard in_pieces(pgwire::client_opening& machine, core::bytes_view flight, cutter cut) {
    heard so_far;
    auto rest = flight;
    while (!rest.empty() && is<opening::read>(so_far.step)) {
        so_far.step = machine.feed(cut.next(rest));
        so_far.fed = flight.size() - rest.size();
    }
    return so_far;
}

bool same(const pgwire::opening_step& a, const pgwire::opening_step& b) {
    if (a.index() != b.index()) {
        return false;
    }
    if (const auto* refusal = std::get_if<opening::refuse>(&a)) {
        // A second request with octets behind it has two things wrong with it, and each has its
        // sentence.
        return refusal->tell == std::get<opening::refuse>(b).tell;
    }
    if (const auto* cancel = std::get_if<opening::cancel>(&a)) {
        return cancel->packet == std::get<opening::cancel>(b).packet;
    }
    if (const auto* start = std::get_if<opening::start_tls>(&a)) {
        return start->direct == std::get<opening::start_tls>(b).direct;
    }
    return true;
}

bool same_startup(const pgwire::opening_step& whole, const pgwire::opening_step& cut) {
    const auto* all = std::get_if<opening::startup>(&whole);
    const auto* some = std::get_if<opening::startup>(&cut);
    return all != nullptr && some != nullptr && some->replay.size() <= all->replay.size() &&
           std::equal(some->replay.begin(), some->replay.end(), all->replay.begin()) &&
           all->message.user == some->message.user &&
           all->message.database == some->message.database &&
           all->message.application_name == some->message.application_name &&
           all->message.minor_version == some->message.minor_version;
}

bool answers_a_request(const pgwire::opening_step& step) {
    const auto* start = std::get_if<opening::start_tls>(&step);
    return is<opening::decline_encryption>(step) || is<opening::pass_through>(step) ||
           (start != nullptr && !start->direct);
}

void compare(const pgwire::opening_step& whole, const heard& cut, std::size_t size) {
    if (answers_a_request(cut.step) && cut.fed < size) {
        require(is<opening::refuse>(whole), "nothing may be buffered behind an encryption request");
    } else if (is<opening::startup>(cut.step)) {
        require(same_startup(whole, cut.step), "the cuts do not change what the client wants");
    } else {
        require(same(whole, cut.step), "the cuts do not change the outcome");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    input from(data, size);
    const auto options = from.octet();
    const auto mode = static_cast<pgwire::opening_mode>((options & 3U) % 3);
    const bool alpn = (options & 4U) != 0;
    const auto seed = from.octet();

    pgwire::client_opening machine(mode);
    core::bytes held;
    int declined = 0;
    int handshakes = 0;
    while (!from.ended()) {
        const auto flight = from.octets(from.number());
        if (flight.empty()) {
            continue;
        }
        held.insert(held.end(), flight.begin(), flight.end());
        auto other = machine;
        auto whole = machine.feed(flight);
        require(machine.heard_anything(), "what was fed was heard");
        require_sound(whole, mode, held);
        if (held.size() > pgwire::max_first_packet) {
            require(is<opening::refuse>(whole), "an opening has a bound");
            return 0;
        }
        const auto cut = in_pieces(other, flight, cutter(seed));
        compare(whole, cut, flight.size());

        if (is<opening::decline_encryption>(whole)) {
            require(++declined <= 2, "at most one SSLRequest and one GSSENCRequest");
            held.clear();
        } else if (is<opening::start_tls>(whole)) {
            require(++handshakes == 1, "there is one handshake");
            const bool direct = std::get<opening::start_tls>(whole).direct;
            whole = machine.tls_established(alpn);
            other.tls_established(alpn);
            require(is<opening::refuse>(whole) == (direct && !alpn), "direct TLS needs its ALPN");
            held.clear();
        }
        if (!is<opening::read>(whole) && !is<opening::decline_encryption>(whole)) {
            return 0;
        }
        machine = other; // it must be as good
    }
    return 0;
}
