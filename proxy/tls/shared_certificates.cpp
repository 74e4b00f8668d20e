#include "tls/shared_certificates.hpp"

#include <algorithm>

namespace roachpin::tls {
namespace {

/// X509_cmp looks at the SHA-1 of the whole and then at every octet of what is signed.
auto find_equal(const std::deque<x509_ptr>& kept, const X509& wanted) {
    return std::find_if(kept.begin(), kept.end(),
                        [&](const x509_ptr& each) { return X509_cmp(each.get(), &wanted) == 0; });
}

} // namespace

void shared_certificates::substitute(STACK_OF(X509) & shown) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i < sk_X509_num(&shown); ++i) {
        auto* received = sk_X509_value(&shown, i);
        const auto same = find_equal(kept_, *received);
        if (same != kept_.end() && same->get() != received) {
            X509_up_ref(same->get());
            sk_X509_set(&shown, i, same->get());
            X509_free(received);
        }
    }
}

void shared_certificates::keep(const STACK_OF(X509) & verified) {
    const std::lock_guard lock(mutex_);
    for (int i = 0; i + 1 < sk_X509_num(&verified); ++i) {
        auto* proved = sk_X509_value(&verified, i);
        if (find_equal(kept_, *proved) != kept_.end()) {
            continue;
        }
        X509_up_ref(proved);
        kept_.emplace_back(proved);
        if (kept_.size() > most) {
            kept_.pop_front();
        }
    }
}

} // namespace roachpin::tls
