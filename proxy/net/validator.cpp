#include "net/validator.hpp"

#include "core/printable.hpp"
#include "net/deadline.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string_view>
#include <strings.h>
#include <unbound.h>

namespace roachpin::net {
namespace {

using watched_descriptor = asio::posix::basic_stream_descriptor<executor>;

constexpr int class_in = 1;

using result_ptr =
    std::unique_ptr<ub_result, decltype([](ub_result* one) { ub_resolve_free(one); })>;

/// One question under way; libunbound's callback ends it.
struct pending {
    explicit pending(executor where) : ended(where, timer::time_point::max()) {}

    timer ended;
    int id = 0;
    bool done = false;
    int status = 0;
    result_ptr result;
};

void on_result(void* one, int status, ub_result* result) {
    auto& waiting = *static_cast<pending*>(one);
    waiting.done = true;
    waiting.status = status;
    waiting.result.reset(result);
    waiting.ended.cancel();
}

policy::authenticity proof_of(const ub_result& result) {
    if (result.bogus != 0) { // before anything else: the data may be there, and they are forged
        return policy::authenticity::bogus;
    }
    return result.secure != 0 ? policy::authenticity::secure : policy::authenticity::insecure;
}

/// The raw message through our own codec: libunbound gives neither the alias chain nor the TTLs of
/// its links.
asked judge(const ub_result& result, const dns::question& what) {
    validated told{{}, proof_of(result), result.why_bogus == nullptr ? "" : result.why_bogus};
    if (result.answer_packet == nullptr || result.answer_len <= 0) {
        told.answer.rcode = static_cast<std::uint16_t>(result.rcode);
        return told;
    }
    const core::bytes_view packet(static_cast<const std::uint8_t*>(result.answer_packet),
                                  static_cast<std::size_t>(result.answer_len));
    const dns::query sent{what, what.name.text(), 0, false};
    const auto reply = dns::parse_reply(packet, sent, false);
    if (!reply) {
        return unanswered{true, reply.error().sentence};
    }
    auto answer = dns::read_answer(*reply, what);
    if (!answer) {
        return unanswered{true, answer.error().sentence};
    }
    told.answer = std::move(*answer);
    return told;
}

/// What libunbound says while it lives, which goes to stderr otherwise.
class log_capture {
public:
    explicit log_capture(ub_ctx* context)
        : context_(context), stream_(::open_memstream(&text_, &size_)) {
        ub_ctx_debugout(context_, stream_);
    }

    log_capture(const log_capture&) = delete;
    log_capture& operator=(const log_capture&) = delete;

    ~log_capture() {
        ub_ctx_debugout(context_, stderr);
        std::fclose(stream_);
        std::free(text_); // NOLINT(*-no-malloc): open_memstream(3) gave it
    }

    /// "[time] libunbound[pid:0] error: what is wanted"
    std::string first_error() {
        std::fflush(stream_);
        const std::string said(text_, size_);
        constexpr std::string_view mark = "error: ";
        const auto begin = said.find(mark);
        if (begin == std::string::npos) {
            return "it does not say why";
        }
        const auto end = std::min(said.find('\n', begin), said.size());
        return core::printable(said.substr(begin + mark.size(), end - begin - mark.size()));
    }

private:
    ub_ctx* context_;
    char* text_ = nullptr;
    std::size_t size_ = 0;
    std::FILE* stream_;
};

/// A file without any would be read without a word, and nothing would ever be secure.
bool has_record(const std::string& file) {
    std::ifstream opened(file);
    for (std::string word; opened >> word;) {
        if (::strcasecmp(word.c_str(), "DS") == 0 || ::strcasecmp(word.c_str(), "DNSKEY") == 0) {
            return true;
        }
    }
    return false;
}

} // namespace

/// libunbound's context. Handlers keep it alive.
class validator::engine : public std::enable_shared_from_this<engine> {
public:
    engine(executor where, core::endpoint server, bool over_tcp, const std::string& trust_anchor)
        : context_(ub_ctx_create()), descriptor_(where) {
        demand(context_ == nullptr ? UB_NOMEM : UB_NOERROR, "start");
        ub_ctx_debuglevel(context_, 0);
        demand(ub_ctx_async(context_, 1), "have a thread"); // 0 would fork a process
        for (const auto& [name, value] : {
                 std::pair{"do-not-query-localhost:", "no"},
                 {"tcp-upstream:", over_tcp ? "yes" : "no"},
                 // Its cache must not outlast our own refreshing.
                 {"cache-max-ttl:", "5"},
                 {"cache-max-negative-ttl:", "1"},
                 {"msg-cache-size:", "256k"},
                 {"rrset-cache-size:", "256k"},
                 {"key-cache-size:", "256k"},
                 {"neg-cache-size:", "64k"},
                 {"so-rcvbuf:", "0"},
                 // Zones it would answer by itself.
                 {"local-zone:", "test. nodefault"},
                 {"local-zone:", "home.arpa. nodefault"},
             }) {
            demand(ub_ctx_set_option(context_, name, value), name);
        }
        const auto forward = server.address.to_string() + "@" + std::to_string(server.port);
        demand(ub_ctx_set_fwd(context_, forward.c_str()), "ask the server");
        demand(ub_ctx_add_ta_file(context_, trust_anchor.c_str()), "read trust_anchor_file");
        descriptor_.assign(ub_fd(context_));
    }

    engine(const engine&) = delete;
    engine& operator=(const engine&) = delete;

    ~engine() {
        if (descriptor_.is_open()) {
            descriptor_.release(); // it is libunbound's
        }
        ub_ctx_delete(context_);
    }

    void stop() { descriptor_.cancel(); }

    /// Where that is UB_NOERROR, `end` must follow.
    int begin(const dns::question& what, pending& one) {
        const int status =
            ub_resolve_async(context_, (what.name.text() + ".").c_str(),
                             static_cast<int>(what.type), class_in, &one, on_result, &one.id);
        if (status == UB_NOERROR && questions_++ == 0) {
            listen();
        }
        return status;
    }

    void end(pending& one) {
        if (!one.done) {
            ub_cancel(context_, one.id);
        }
        if (--questions_ == 0) {
            stop();
        }
    }

    executor where() { return descriptor_.get_executor(); }

private:
    /// Only while a question is open: an event loop whose other work is done must come to its end.
    void listen() {
        descriptor_.async_wait(watched_descriptor::wait_read,
                               [weak = weak_from_this()](error_code failed) {
                                   const auto self = weak.lock();
                                   if (!failed && self && self->questions_ > 0) {
                                       ub_process(self->context_);
                                       self->listen();
                                   }
                               });
    }

    void demand(int status, const char* what) {
        if (status != UB_NOERROR) {
            if (context_ != nullptr) {
                ub_ctx_delete(context_);
            }
            throw std::runtime_error("libunbound cannot " + std::string(what) + ": " +
                                     ub_strerror(status));
        }
    }

    ub_ctx* context_;
    watched_descriptor descriptor_;
    std::size_t questions_ = 0; ///< that are open
};

namespace {

unanswered failed(int status) {
    return {false, std::string("libunbound: ") + ub_strerror(status)};
}

/// Waits for the callback; a question whose waiting was cancelled is taken back.
awaitable<bool> wait_for(pending& one) {
    while (!one.done) {
        const auto [woken] = co_await one.ended.async_wait(as_result);
        if (woken && !one.done) {
            co_return false;
        }
    }
    co_return true;
}

} // namespace

std::string validator_version() {
    return std::string("libunbound ") + ub_version();
}

core::result<void> check_trust_anchor(const std::string& file) {
    if (!has_record(file)) {
        return core::error{file + " holds no DS or DNSKEY record to start from"};
    }
    const std::unique_ptr<ub_ctx, decltype([](ub_ctx* one) { ub_ctx_delete(one); })> context(
        ub_ctx_create());
    if (!context) {
        return core::error{"libunbound cannot start: out of memory"};
    }
    log_capture log(context.get());
    ub_ctx_debuglevel(context.get(), 0);
    ub_ctx_add_ta_file(context.get(), file.c_str());
    // The first question has it read its files; this one it answers by itself (RFC 6761).
    ub_result* answer = nullptr;
    const int status = ub_resolve(context.get(), "localhost.",
                                  static_cast<int>(dns::record_type::a), class_in, &answer);
    const result_ptr freed(answer);
    if (status != UB_NOERROR) {
        return core::error{"libunbound cannot read " + file + ": " + log.first_error()};
    }
    return {};
}

validator::validator(executor where, core::endpoint server, bool over_tcp,
                     const std::string& trust_anchor)
    : engine_(std::make_shared<engine>(where, server, over_tcp, trust_anchor)) {}

validator::~validator() {
    engine_->stop();
}

awaitable<asked> validator::ask(dns::question what, core::duration timeout) {
    const auto running = engine_; // outlives us where we are cancelled
    const auto one = std::make_unique<pending>(running->where());
    if (const int status = running->begin(what, *one); status != UB_NOERROR) {
        co_return failed(status);
    }
    std::exception_ptr cancelled;
    try {
        co_await with_deadline(wait_for(*one), core::clock::now() + timeout);
    } catch (...) { // told to stop: libunbound must not call back into what is gone
        cancelled = std::current_exception();
    }
    running->end(*one);
    if (cancelled) {
        std::rethrow_exception(cancelled);
    }
    if (!one->done) {
        co_return unanswered{false, "no answer within resolver.timeout"};
    }
    if (one->status != UB_NOERROR || !one->result) {
        co_return failed(one->status);
    }
    co_return judge(*one->result, what);
}

} // namespace roachpin::net
