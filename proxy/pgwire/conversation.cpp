#include "pgwire/conversation.hpp"

#include <utility>

namespace roachpin::pgwire {
namespace {

/// Protocol 3.0 has secret keys of 4 octets; 3.2 allows up to 256.
constexpr std::size_t min_cancel_key = 4 + 4;
constexpr std::size_t max_cancel_key = 4 + 256;

} // namespace

struct conversation::client_reader {
    conversation& self;

    void on_body(std::uint8_t, core::bytes_view) {}

    void on_message(std::uint8_t type, std::uint8_t) { self.on_client_message(type); }
};

struct conversation::node_reader {
    conversation& self;

    void on_body(std::uint8_t type, core::bytes_view part) {
        if (type == 'K') {
            self.hold_key(part);
        }
    }

    void on_message(std::uint8_t type, std::uint8_t first) { self.on_node_message(type, first); }
};

void conversation::client_said(core::bytes_view octets) {
    client_.follow(octets, client_reader{*this});
}

void conversation::node_said(core::bytes_view octets) {
    node_.follow(octets, node_reader{*this});
}

core::bytes conversation::take_cancel_key() {
    if (key_ != key::held) {
        return {};
    }
    key_ = key::done;
    return std::exchange(cancel_key_, {});
}

void conversation::on_client_message(std::uint8_t type) {
    copy_ = copy_behind(type);
    switch (type) {
    case 'Q': // Query
    case 'F': // FunctionCall
        // They end a batch as Sync does. Where something in it failed, they are skipped and the
        // count stays too high.
        ++owed_;
        unsynced_ = executed_ = false;
        break;
    case 'S':
        on_sync();
        break;
    case 'E': // Execute
        lone_execute_ = !executed_;
        executed_ = unsynced_ = true;
        break;
    case 'P': // Parse
    case 'B': // Bind
    case 'D': // Describe
    case 'C': // Close
    case 'H': // Flush
        unsynced_ = true;
        break;
    case 'd': // CopyData, dropped by a node that is not in a COPY
    case 'c': // CopyDone, likewise
    case 'f': // CopyFail, likewise
        break;
    case 'p': // a password, or what else proves the user
        lost_ = lost_ || logged_in_;
        break;
    default: // Terminate, or what no node knows
        lost_ = true;
        break;
    }
}

void conversation::on_sync() {
    sync_behind_execute_ = lone_execute_ && client_.last_type() == 'E';
    ++owed_;
    unsynced_ = executed_ = false;
}

/// Where the client stands in a COPY FROM with this message.
conversation::copy_from conversation::copy_behind(std::uint8_t type) const {
    switch (copy_) {
    case copy_from::begun:
        return type == 'S' ? copy_from::receiving : copy_from::none;
    case copy_from::receiving:
        return type == 'c' ? copy_from::complete : copy_from::receiving;
    default:
        return copy_;
    }
}

void conversation::on_node_message(std::uint8_t type, std::uint8_t first) {
    switch (type) {
    case 'S':   // ParameterStatus
    case 'N':   // NoticeResponse
    case 'A':   // NotificationResponse
        return; // at any time, whatever else goes on
    case 'K':   // BackendKeyData
        end_key();
        break;
    case 'Z':
        on_ready_for_query(first);
        return;
    case 'G': // CopyInResponse
        on_copy_in();
        break;
    case 'C':
        on_command_complete();
        break;
    case 'E': // ErrorResponse
        copy_ = copy_from::none;
        break;
    default:
        break;
    }
    settled_ = false;
}

void conversation::on_ready_for_query(std::uint8_t status) {
    if (owed_ == 0) {
        lost_ = true; // for nothing that is known of
    } else {
        --owed_;
    }
    settled_ = status == 'I';
    copy_ = copy_from::none;
    if (!logged_in_) {
        logged_in_ = true;
        end_key();
    }
}

/// The COPY is that of the batch where nothing else is to be answered. Nothing may have come behind
/// its Execute but its Sync: then the client has sent none of the data yet.
void conversation::on_copy_in() {
    if (owed_ == 0 && lone_execute_ && client_.last_type() == 'E') {
        copy_ = copy_from::begun;
    } else if (owed_ == 1 && sync_behind_execute_ && client_.last_type() == 'S') {
        copy_ = copy_from::receiving;
    } else {
        copy_ = copy_from::none;
    }
}

/// The first CommandComplete behind CopyInResponse is the COPY's. The node has read CopyDone, so it
/// has ignored the Sync before it.
void conversation::on_command_complete() {
    if (copy_ == copy_from::complete) {
        --owed_;
    }
    copy_ = copy_from::none;
}

void conversation::hold_key(core::bytes_view part) {
    if (key_ != key::awaited) {
        return;
    }
    if (cancel_key_.size() + part.size() > max_cancel_key) {
        cancel_key_ = {};
        key_ = key::done;
        return;
    }
    cancel_key_.insert(cancel_key_.end(), part.begin(), part.end());
}

/// BackendKeyData is whole, or will not come any more.
void conversation::end_key() {
    if (key_ != key::awaited) {
        return;
    }
    key_ = cancel_key_.size() >= min_cancel_key ? key::held : key::done;
    if (key_ == key::done) {
        cancel_key_ = {};
    }
}

} // namespace roachpin::pgwire
