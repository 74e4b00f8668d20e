#pragma once

#include "core/bytes.hpp"
#include "pgwire/message_boundary.hpp"

namespace roachpin::pgwire {

/// Follows both sides of one session just enough to know when nobody owes anybody anything: then it
/// may be closed with FATAL 57P01 without breaking a statement. Sources: PostgreSQL, "Message Flow"
/// (Pipelining; COPY Operations), and what its backend does with each message (tcop/postgres.c,
/// commands/copyfromparse.c).
///
/// The node owes one ReadyForQuery for the StartupMessage and one for each Query, FunctionCall and
/// Sync. What is counted here is never less than what it really owes, and may be more:
///
/// - of a COPY FROM in the extended protocol the node ignores a Sync that comes before CopyDone. It
///   is taken off the count where it is certain to have been ignored: sent right behind the batch's
///   only Execute, as libpq does, and the COPY ended well. Where the COPY fails, only the node
///   knows whether it ignored that Sync or answers it;
/// - a Query behind an extended-protocol message that failed is skipped until the next Sync.
///
/// After these the session is not idle any more, which costs whoever waits for it patience; an idle
/// session that is not idle would cost a client its statement.
///
/// No I/O, and no memory of its own but while the node's BackendKeyData is held.
class conversation {
public:
    /// The next octets the client sent, behind the StartupMessage. To be told before the node can
    /// have answered them.
    void client_said(core::bytes_view octets);

    /// The next octets the node sent, behind its answer to SSLRequest and the TLS handshake.
    void node_said(core::bytes_view octets);

    const message_boundary& client() const { return client_; }

    const message_boundary& node() const { return node_; }

    /// The login is over, every command was answered by a ReadyForQuery, the last of which said 'I'
    /// (no transaction), no message of either side is under way, and nothing was sent since but
    /// what means nothing: ParameterStatus, NoticeResponse, NotificationResponse of the node, and
    /// CopyData, CopyDone, CopyFail of a client that has not read yet that its COPY failed.
    bool is_idle() const {
        return settled_ && owed_ == 0 && !unsynced_ && !lost_ && client_.at_boundary() &&
               node_.at_boundary();
    }

    /// The body of the node's BackendKeyData (process id and secret key, 4 + 4..256 octets), once,
    /// when it is whole; empty otherwise. Only the first before the first ReadyForQuery counts, and
    /// none of another size. It is a secret: not for logs.
    core::bytes take_cancel_key();

private:
    /// A COPY FROM whose early Sync can be followed (see above).
    enum class copy_from : std::uint8_t {
        none,
        begun,     ///< the Execute is the client's last word, its Sync on the way
        receiving, ///< the client sends its data
        complete,  ///< the client has sent CopyDone
    };

    enum class key : std::uint8_t {
        awaited, ///< or some of it is held
        held,    ///< whole
        done,    ///< taken, or there is none
    };

    struct client_reader;
    struct node_reader;

    void on_client_message(std::uint8_t type);
    void on_sync();
    copy_from copy_behind(std::uint8_t type) const;
    void on_node_message(std::uint8_t type, std::uint8_t first);
    void on_ready_for_query(std::uint8_t status);
    void on_copy_in();
    void on_command_complete();
    void hold_key(core::bytes_view part);
    void end_key();

    message_boundary client_;
    message_boundary node_;
    std::uint64_t owed_ = 1; ///< ReadyForQuery messages the node may still send; wraps never
    core::bytes cancel_key_;
    key key_ = key::awaited;
    copy_from copy_ = copy_from::none;
    bool logged_in_ = false;           ///< the first ReadyForQuery has come
    bool settled_ = false;             ///< the node's last word was a ReadyForQuery that said 'I'
    bool unsynced_ = false;            ///< extended-protocol messages came since the last command
    bool executed_ = false;            ///< an Execute among them
    bool lone_execute_ = false;        ///< the last Execute was the first of its batch
    bool sync_behind_execute_ = false; ///< the last Sync came right behind that one
    bool lost_ = false;                ///< never idle again
};

} // namespace roachpin::pgwire
