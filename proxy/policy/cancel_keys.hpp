#pragma once

#include "core/bytes.hpp"
#include "policy/cluster.hpp"

#include <cstdint>
#include <optional>
#include <unordered_map>

namespace roachpin::policy {

/// Whose the cancel keys of live sessions are: a CancelRequest goes to the node that gave the key
/// out. A key is what its BackendKeyData held: process id and secret key, 8 to 260 octets.
///
/// Bounded. Not thread-safe: whoever shares it locks it.
class cancel_keys {
public:
    /// What a noted key is forgotten by.
    enum class ticket : std::uint64_t {
        none = 0, ///< the key was not noted
    };

    /// `most`: how many keys are held.
    explicit cancel_keys(std::size_t most) : most_(most) {}

    /// Holds `key` until its ticket is given to `forget`. `none` where there is no place, or it is
    /// no cancel key by its size: cancels for that session then go to any node.
    [[nodiscard]] ticket note(core::bytes key, candidate owner);

    /// Of `none`, and of what is forgotten already, nothing happens.
    void forget(ticket noted);

    /// Who gave `key` out, if it is held. Anyone may ask, so how long it takes must tell nothing of
    /// the keys held: each is looked at, to its last octet, whatever was found (only how many there
    /// are, and their sizes, show).
    std::optional<candidate> find(core::bytes_view key) const;

    std::size_t size() const { return entries_.size(); }

private:
    struct entry {
        core::bytes key;
        candidate owner;
    };

    std::size_t most_;
    std::uint64_t last_ticket_ = 0;
    std::unordered_map<std::uint64_t, entry> entries_; ///< by ticket
};

} // namespace roachpin::policy
