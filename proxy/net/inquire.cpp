#include "net/inquire.hpp"

#include "net/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <tuple>

namespace roachpin::net {
namespace {

/// More targets than any cluster has gateways for; the rest of an SRV record is not asked for.
constexpr std::size_t most_targets = 64;

awaitable<void> keep_answer(resolver& names, std::size_t server, dns::question what, asked& into) {
    auto told = co_await names.ask(server, std::move(what));
    into = std::move(told);
}

awaitable<name_answers> ask_for_addresses(resolver& names, std::size_t server,
                                          core::dns_name name) {
    // Not by `&&`: when both are cancelled it throws one exception for two.
    const auto where = co_await asio::this_coro::executor;
    name_answers told;
    task_group asking(where);
    asking.spawn(keep_answer(names, server, {name, dns::record_type::a}, told.a));
    asking.spawn(keep_answer(names, server, {name, dns::record_type::aaaa}, told.aaaa));
    co_await asking.join_or_cancel();
    co_return told;
}

awaitable<void> keep_addresses(resolver& names, std::size_t server, core::dns_name name,
                               name_answers& into) {
    auto answers = co_await ask_for_addresses(names, server, std::move(name));
    into = std::move(answers);
}

/// In an order of their own, since servers rotate theirs; each once.
void tidy(std::vector<dns::service>& services) {
    const auto key = [](const dns::service& one) {
        return std::tie(one.target, one.port);
    };
    std::sort(services.begin(), services.end(),
              [&](const auto& a, const auto& b) { return key(a) < key(b); });
    const auto same = [&](const auto& a, const auto& b) {
        return key(a) == key(b);
    };
    services.erase(std::unique(services.begin(), services.end(), same), services.end());
    services.erase(services.begin() +
                       static_cast<std::ptrdiff_t>(std::min(services.size(), most_targets)),
                   services.end());
}

awaitable<inquiry> ask_for_services(resolver& names, std::size_t server, core::dns_name name) {
    const auto where = co_await asio::this_coro::executor;
    dns::question what{std::move(name), dns::record_type::srv};
    auto told = co_await names.ask(server, std::move(what));
    inquiry heard;
    if (told && told->answer.status == dns::answer_status::found) {
        auto& services = told->answer.services;
        tidy(services);
        heard.names.resize(services.size());
        task_group asking(where);
        for (std::size_t i = 0; i < services.size(); ++i) {
            asking.spawn(keep_addresses(names, server, services[i].target, heard.names[i]));
        }
        co_await asking.join_or_cancel();
    }
    heard.record = std::move(told);
    co_return heard;
}

awaitable<void> keep(awaitable<inquiry> asking, inquiry& into) {
    auto heard = co_await std::move(asking);
    into = std::move(heard);
}

} // namespace

awaitable<inquiry> inquire(resolver& names, std::size_t server, core::dns_name name,
                           std::optional<core::dns_name> srv) {
    inquiry heard;
    if (srv) {
        heard = co_await ask_for_services(names, server, std::move(*srv));
    } else {
        auto answers = co_await ask_for_addresses(names, server, std::move(name));
        heard.names.push_back(std::move(answers));
    }
    co_return heard;
}

awaitable<std::vector<inquiry>> inquire_all(resolver& names, core::dns_name name,
                                            std::optional<core::dns_name> srv) {
    const auto where = co_await asio::this_coro::executor;
    std::vector<inquiry> told(names.servers().size());
    task_group asking(where);
    for (std::size_t server = 0; server < told.size(); ++server) {
        asking.spawn(keep(inquire(names, server, name, srv), told[server]));
    }
    co_await asking.join_or_cancel();
    co_return told;
}

} // namespace roachpin::net
