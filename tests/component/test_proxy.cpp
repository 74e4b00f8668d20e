#include "component/test_proxy.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <csignal>
#include <stdexcept>

namespace roachpin::test {
namespace {

template <class T>
T value_of(core::result<T> result) {
    if (!result) {
        throw std::runtime_error(result.error().sentence);
    }
    return std::move(*result);
}

} // namespace

policy::node node_at(std::uint16_t port, const std::string& host) {
    return {core::host_name::parse(host).value(),
            {{core::ip_address::parse("127.0.0.1").value(), port}},
            0,
            {}};
}

test_proxy::test_proxy(test_proxy_options options)
    : connections_(options.all_connections), places_(control_.get_executor(), options.max_opening),
      accepting_(control_.get_executor(), [](const std::exception_ptr&) { std::terminate(); }),
      keeping_(control_.get_executor(), [](const std::exception_ptr&) { std::terminate(); }) {
    std::signal(SIGPIPE, SIG_IGN);
    plan_.emplace(plan_of(options));
    spares_ =
        std::make_unique<net::spare_pool>(control_.get_executor(), [](const policy::candidate&) {});
    plane_.reset(new net::data_plane{*plan_, source_, connections_, cancels_, spares_.get()});
    plane_->trouble = [this](net::place_trouble what) {
        const std::lock_guard lock(troubles_mutex_);
        troubles_.push_back(std::move(what));
    };
    spares_->keep(plan_->current()->cluster.preferred(), upstream_,
                  {.per_place = options.spares, .dial = options.timeouts.dial});
    socket_.emplace(value_of(net::listening_socket::open(
        value_of(core::parse_bind_address(options.bind)), options.unix_mode)));
    listener_ = std::make_shared<net::listener>(
        core::to_string(socket_->bound()),
        net::listener_rules{options.admission, local_tls(options), options.mode},
        options.max_connections);
    for (unsigned i = 0; i < options.workers; ++i) {
        workers_.push_back(std::make_unique<net::worker>(*plane_));
    }
    accepting_.spawn(net::accept_connections(*socket_, listener_, workers_, places_, source_));
    keeping_.spawn(spares_->run());
    thread_ = std::thread([this] { control_.run(); });
}

test_proxy::~test_proxy() {
    if (!stopped_) {
        stop(core::duration::zero());
    }
}

std::uint16_t test_proxy::port() const {
    return std::get<core::endpoint>(socket_->bound()).port;
}

void test_proxy::wait_for_connections(std::size_t count) const {
    while (connections() > count) {
        std::this_thread::yield();
    }
}

std::vector<std::size_t> test_proxy::loads() const {
    std::vector<std::size_t> loads;
    for (const auto& one : workers_) {
        loads.push_back(one->load());
    }
    return loads;
}

void test_proxy::wait_until_idle() const {
    const auto busy = [this] {
        const auto now = loads();
        return std::any_of(now.begin(), now.end(), [](std::size_t load) { return load > 0; });
    };
    while (busy()) {
        std::this_thread::yield();
    }
}

std::vector<policy::candidate> test_proxy::places() const {
    return plan_->current()->cluster.candidates(0);
}

loopback_client test_proxy::connect() {
    if (const auto* path = std::get_if<core::unix_path>(&bound())) {
        return loopback_client::connect_unix(path->path);
    }
    return loopback_client::connect_tcp("127.0.0.1", port());
}

loopback_client test_proxy::login() {
    auto client = connect();
    client.login({{"user", "app"}, {"database", "bank"}});
    return client;
}

void test_proxy::change(const test_proxy_options& to) {
    auto next = plan_of(to);
    listener_->change({to.admission, local_tls(to), to.mode}, to.max_connections);
    std::promise<void> done;
    net::asio::post(control_, [&] {
        spares_->keep(next.cluster.preferred(), upstream_,
                      {.per_place = to.spares, .dial = to.timeouts.dial});
        plan_->replace(std::move(next));
        done.set_value();
    });
    done.get_future().get();
}

void test_proxy::while_workers_stand_still(const std::function<void()>& act) {
    std::promise<void> done;
    const auto go_on = done.get_future().share();
    for (const auto& one : workers_) {
        std::promise<void> standing;
        one->ping([&standing, go_on] {
            standing.set_value();
            go_on.wait();
        });
        standing.get_future().get();
    }
    act(); // where it throws, the promise is broken, which ends the waiting as well
    done.set_value();
}

std::size_t test_proxy::review(const net::review_rules& rules) {
    const auto shared = std::make_shared<const net::review_rules>(rules);
    std::size_t retiring = 0;
    for (const auto& one : workers_) {
        std::promise<std::size_t> judged;
        one->review([shared] { return net::judge_by(shared); },
                    [&](std::size_t count) { judged.set_value(count); });
        retiring += judged.get_future().get();
    }
    return retiring;
}

void test_proxy::retire_all(const net::retirement& order) {
    for (const auto& one : workers_) {
        one->retire_all(order);
    }
}

void test_proxy::prove_all() {
    for (const auto& one : places()) {
        one.status->proved_at = core::clock::now();
    }
}

std::vector<net::place_trouble> test_proxy::troubles() const {
    const std::lock_guard lock(troubles_mutex_);
    return troubles_;
}

std::size_t test_proxy::stop(core::duration patience) {
    stopped_ = true;
    net::asio::post(control_, [this] {
        accepting_.cancel();
        keeping_.cancel();
        keep_running_.reset();
    });
    thread_.join();
    socket_.reset();
    std::size_t cancelled = 0;
    for (const auto& one : workers_) {
        std::promise<std::size_t> ended;
        one->stop(core::clock::now() + patience, [&](std::size_t left) { ended.set_value(left); });
        cancelled += ended.get_future().get();
        one->join();
    }
    workers_.clear();
    return cancelled;
}

net::session_plan test_proxy::plan_of(const test_proxy_options& from) {
    upstream_ = std::make_shared<const tls::upstream_context>(
        value_of(tls::upstream_context::make(upstream_options(from))));
    return {policy::cluster(policy::members_of(from.nodes), from.balance),
            upstream_,
            from.timeouts,
            {},
            from.lifetime,
            from.proof_lasts};
}

tls::upstream_options test_proxy::upstream_options(const test_proxy_options& from) {
    tls::upstream_options made;
    made.anchors = value_of(tls::load_anchors(files_.write("ca.crt", from.ca_pem)));
    if (!from.crl_pem.empty()) {
        made.crls = value_of(tls::load_crls(files_.write("crl.pem", from.crl_pem)));
    }
    made.pins = from.pins;
    made.revoked = from.revoked;
    made.min_version = from.min_tls;
    if (from.client_certificate) {
        made.client = value_of(tls::load_key_pair(
            files_.write("client.crt", from.client_certificate->full_chain_pem()),
            files_.write("client.key", from.client_certificate->private_key_pem)));
    }
    return made;
}

std::optional<tls::local_context> test_proxy::local_tls(const test_proxy_options& from) {
    if (!from.local_certificate) {
        return std::nullopt;
    }
    const auto identity = value_of(
        tls::load_key_pair(files_.write("local.crt", from.local_certificate->full_chain_pem()),
                           files_.write("local.key", from.local_certificate->private_key_pem)));
    std::vector<tls::x509_ptr> client_anchors;
    if (!from.client_ca_pem.empty()) {
        client_anchors =
            value_of(tls::load_anchors(files_.write("clients.crt", from.client_ca_pem)));
    }
    return value_of(tls::local_context::make(identity, client_anchors));
}

} // namespace roachpin::test
