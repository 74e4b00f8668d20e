#include "net/dns_carrier.hpp"

#include "dns/query.hpp"
#include "net/internal_error.hpp"
#include "net/socket_address.hpp"

#define CARES_NO_DEPRECATED // ares_send is the one call that is sound on 1.18 and on 1.34
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <ares.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

namespace roachpin::net {
namespace {

using watched_descriptor = asio::posix::basic_stream_descriptor<executor>;

constexpr int library_with_own_ids = 0x011600; // 1.22
constexpr std::size_t too_many_refused = 3;

int loaded_version() {
    int version = 0;
    ares_version(&version);
    return version;
}

/// One channel and its one query. Handlers of its sockets and its timer keep it alive; after
/// `close` they find no channel and do nothing.
///
/// c-ares must not be destroyed from inside its own callbacks (a double free on 1.18 and a crash on
/// 1.34): whoever waits for `done` closes it.
class exchange : public std::enable_shared_from_this<exchange> {
public:
    exchange(executor where, dns_carrier by, core::duration timeout)
        : where_(where), alarm_(where), ended_(where, timer::time_point::max()) {
        ares_options options{};
        options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_NOCHECKRESP |
                        ARES_FLAG_EDNS | ARES_FLAG_IGNTC |
                        (by == dns_carrier::tcp ? ARES_FLAG_USEVC : 0);
        options.timeout = static_cast<int>(timeout.count());
        options.tries = 1; // the caller owns retries
        options.ndots = 0;
        options.ednspsz = dns::udp_payload;
        options.lookups = lookups_.data();
        options.resolvconf_path = nowhere_.data();
        options.sock_state_cb = [](void* self, ares_socket_t fd, int readable, int writable) {
            auto& mine = *static_cast<exchange*>(self);
            mine.guarded([&] { mine.watch(fd, readable != 0, writable != 0); });
        };
        options.sock_state_cb_data = this;
        const int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_NDOTS |
                         ARES_OPT_EDNSPSZ | ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF |
                         ARES_OPT_DOMAINS | ARES_OPT_NOROTATE | ARES_OPT_SOCK_STATE_CB;
        if (const int status = ares_init_options(&channel_, &options, mask);
            status != ARES_SUCCESS) {
            throw std::runtime_error(std::string("c-ares cannot start: ") + ares_strerror(status));
        }
        if (by == dns_carrier::udp) {
            ares_set_socket_functions(channel_, &datagram_functions(), this);
        }
    }

    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    ~exchange() { close(); }

    void send(const core::endpoint& server, const core::bytes& message) {
        guarded([&] { begin(server, message); });
    }

    /// Waits for the end; false where the waiting was cancelled.
    awaitable<bool> done() {
        if (!has_ended()) {
            co_await ended_.async_wait(as_result);
        }
        co_return has_ended();
    }

    dns_carried take() {
        if (outcome_) {
            return std::move(*outcome_);
        }
        return dns_silence{"cannot ask: " + what_was_thrown(failure_)};
    }

    const dns::refused_datagrams& refused() const { return refused_; }

    void close() {
        closing_ = true;
        if (channel_ != nullptr) {
            ares_destroy(channel_);
            channel_ = nullptr;
        }
        alarm_.cancel();
        for (auto& [fd, socket] : sockets_) { // c-ares has let go of them all, and so must Asio
            socket.released();
        }
        sockets_.clear();
    }

private:
    /// A descriptor of c-ares: it is closed there, never here.
    struct watched {
        explicit watched(executor where, int fd) : descriptor(where, fd) {}

        void released() { descriptor.release(); }

        watched_descriptor descriptor;
        bool reads = false; ///< c-ares wants to hear of it
        bool writes = false;
        bool waiting_read = false; ///< a wait is under way
        bool waiting_write = false;
    };

    /// C has no exceptions: one that went through frames of c-ares would leave its lists half
    /// changed; one that left the event loop would end the process. It fails this query instead.
    template <class Work>
    void guarded(Work work) noexcept {
        try {
            work();
        } catch (...) {
            failure_ = std::current_exception();
            ended_.cancel();
            errno = EAGAIN; // where c-ares asks why: nothing that it would have to act upon
        }
    }

    /// c-ares sets nothing on a socket that it did not open itself: that it does not block is ours.
    static const ares_socket_functions& datagram_functions() {
        static constexpr ares_socket_functions functions{
            [](int family, int type, int protocol, void*) {
                return ::socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
            },
            [](ares_socket_t fd, void*) { return ::close(fd); },
            [](ares_socket_t fd, const sockaddr* to, ares_socklen_t size, void*) {
                return ::connect(fd, to, size);
            },
            [](ares_socket_t fd, void* into, std::size_t room, int flags, sockaddr* from,
               ares_socklen_t* from_size, void* self) {
                auto& mine = *static_cast<exchange*>(self);
                ares_ssize_t got = -1;
                mine.guarded([&] { got = mine.receive(fd, into, room, flags, from, from_size); });
                return got;
            },
            [](ares_socket_t fd, const iovec* parts, int number, void* self) {
                auto& mine = *static_cast<exchange*>(self);
                ares_ssize_t sent = -1;
                mine.guarded([&] { sent = mine.transmit(fd, parts, number); });
                return sent;
            },
        };
        return functions;
    }

    /// Keeps what went out: from 1.22 on the id is c-ares' own.
    ares_ssize_t transmit(int fd, const iovec* parts, int number) {
        sent_.clear();
        for (const auto& part : std::span(parts, static_cast<std::size_t>(number))) {
            const auto* octets = static_cast<const std::uint8_t*>(part.iov_base);
            sent_.insert(sent_.end(), octets, octets + part.iov_len);
        }
        return ::send(fd, sent_.data(), sent_.size(), MSG_NOSIGNAL);
    }

    /// As recvfrom(2), of a socket on which nothing but the answer comes. What is longer than was
    /// asked for is cut off, whatever room c-ares has: then it is malformed.
    ares_ssize_t receive(int fd, void* into, std::size_t room, int flags, sockaddr* from,
                         ares_socklen_t* from_size) {
        while (!has_ended()) {
            sockaddr_storage sender{};
            socklen_t size = sizeof(sender);
            const auto got = ::recvfrom(fd, into, std::min<std::size_t>(room, dns::udp_payload),
                                        flags, reinterpret_cast<sockaddr*>(&sender), &size);
            if (got < 0) {
                return got;
            }
            const core::bytes_view octets(static_cast<const std::uint8_t*>(into),
                                          static_cast<std::size_t>(got));
            if (is_answer({to_endpoint({&sender, size}), octets})) {
                if (from != nullptr) {
                    std::memcpy(from, &sender, std::min(size, *from_size));
                    *from_size = size;
                }
                return got;
            }
        }
        errno = EAGAIN;
        return -1;
    }

    bool is_answer(const dns::datagram& received) {
        auto wrong = dns::refuse_datagram(received, {server_, sent_});
        if (!wrong) {
            return true;
        }
        refused_.last = std::move(*wrong);
        if (++refused_.number == too_many_refused) {
            finish(dns_silence{describe(refused_)});
        }
        return false;
    }

    bool has_ended() const { return outcome_ || failure_; }

    void begin(const core::endpoint& server, const core::bytes& message) {
        server_ = server;
        if (const int status = ares_set_servers_ports_csv(channel_, server.to_string().c_str());
            status != ARES_SUCCESS) {
            finish(dns_silence{ares_strerror(status)});
            return;
        }
        ares_send(channel_, message.data(), static_cast<int>(message.size()), on_reply, this);
        arm();
    }

    static void on_reply(void* self, int status, int, unsigned char* octets, int size) {
        auto& mine = *static_cast<exchange*>(self);
        mine.guarded([&] { mine.replied(status, octets, size); });
    }

    void replied(int status, const unsigned char* octets, int size) {
        if (closing_) {
            return;
        }
        if (octets != nullptr && size > 0) {
            finish(core::bytes(octets, octets + size));
        } else if (status == ARES_ETIMEOUT) {
            finish(dns_silence{"no answer within resolver.timeout"});
        } else {
            finish(dns_silence{ares_strerror(status)});
        }
    }

    void finish(dns_carried outcome) {
        if (!outcome_) {
            outcome_.emplace(std::move(outcome));
            ended_.cancel();
        }
    }

    void watch(int fd, bool reads, bool writes) {
        auto found = sockets_.find(fd);
        if (!reads && !writes) { // c-ares is about to close it
            if (found != sockets_.end()) {
                found->second.released();
                sockets_.erase(found);
            }
            return;
        }
        if (found == sockets_.end()) {
            found = sockets_.try_emplace(fd, where_, fd).first;
        }
        found->second.reads = reads;
        found->second.writes = writes;
        if (!closing_) {
            wait_for(fd, found->second);
        }
    }

    void wait_for(int fd, watched& socket) {
        if (socket.reads && !socket.waiting_read) {
            socket.waiting_read = true;
            socket.descriptor.async_wait(
                watched_descriptor::wait_read, [self = shared_from_this(), fd](error_code failed) {
                    self->ready(fd, &watched::waiting_read, failed, fd, ARES_SOCKET_BAD);
                });
        }
        if (socket.writes && !socket.waiting_write) {
            socket.waiting_write = true;
            socket.descriptor.async_wait(
                watched_descriptor::wait_write, [self = shared_from_this(), fd](error_code failed) {
                    self->ready(fd, &watched::waiting_write, failed, ARES_SOCKET_BAD, fd);
                });
        }
    }

    /// A wait may end after its descriptor was released and the number given to somebody else:
    /// then it ends with an error, and nothing is remembered of it.
    void ready(int fd, bool watched::*waiting, error_code failed, int readable, int writable) {
        const auto found = sockets_.find(fd);
        if (failed || channel_ == nullptr || found == sockets_.end()) {
            return;
        }
        found->second.*waiting = false;
        guarded([&] {
            ares_process_fd(channel_, readable, writable);
            const auto again = sockets_.find(fd); // what was processed may have closed it
            if (again != sockets_.end() && !has_ended()) {
                wait_for(fd, again->second);
            }
            arm();
        });
    }

    /// c-ares has no timer of its own.
    void arm() {
        timeval left{};
        if (has_ended() || channel_ == nullptr ||
            ares_timeout(channel_, nullptr, &left) == nullptr) {
            return;
        }
        alarm_.expires_after(std::chrono::seconds(left.tv_sec) +
                             std::chrono::microseconds(left.tv_usec) +
                             std::chrono::milliseconds(1));
        alarm_.async_wait([self = shared_from_this()](error_code cancelled) {
            if (!cancelled && self->channel_ != nullptr) {
                ares_process_fd(self->channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
                self->guarded([&] { self->arm(); });
            }
        });
    }

    std::array<char, 2> lookups_{'b', '\0'}; ///< the DNS alone, no hosts file
    std::array<char, 10> nowhere_{"/dev/null"};
    executor where_;
    ares_channel channel_ = nullptr;
    core::endpoint server_{core::ip_address::v4({})};
    core::bytes sent_;
    dns::refused_datagrams refused_;
    std::map<int, watched> sockets_;
    timer alarm_;
    timer ended_;
    std::optional<dns_carried> outcome_;
    std::exception_ptr failure_;
    bool closing_ = false;
};

} // namespace

awaitable<dns_carried> carry(dns_carrier by, core::endpoint server, core::bytes message,
                             core::duration timeout, dns::refused_datagrams& refused) {
    const auto one = std::make_shared<exchange>(co_await asio::this_coro::executor, by, timeout);
    one->send(server, message);
    const bool ended = co_await one->done();
    one->close();
    refused = one->refused();
    if (!ended) {
        throw boost::system::system_error(asio::error::operation_aborted);
    }
    co_return one->take();
}

bool carrier_keeps_ids() {
    static const bool keeps = loaded_version() < library_with_own_ids;
    return keeps;
}

std::string carrier_version() {
    return std::string("c-ares ") + ares_version(nullptr);
}

void start_carrier() {
    if (const int status = ares_library_init(ARES_LIB_INIT_ALL); status != ARES_SUCCESS) {
        throw std::runtime_error(std::string("c-ares cannot start: ") + ares_strerror(status));
    }
}

} // namespace roachpin::net
